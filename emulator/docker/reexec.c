/* A library that does small tasks of dockerd in place of a second dockerd.
 *
 * Docker 20.10 starts itself again for each step in another namespace: to make a network namespace, to write one file
 * of /proc/sys. Go then initialises all packages of Docker before the step, which takes a tenth of a second and 25 MB.
 * The variable LD_AUDIT names this library, and the dynamic linker calls `la_version` before it loads anything else.
 * A task that fails here is left to Docker, which then reports the reason.
 *
 * The tasks are those of libnetwork c5aa85f (Docker 20.10): osl/namespace_linux.go, drivers/overlay/ov_network.go,
 * resolver_unix.go, service_linux.go and sandbox_externalkey_unix.go. The library uses no C library, because every
 * program that dockerd starts loads it. */

#include <asm/unistd.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>
#include <linux/un.h>

#ifndef __x86_64__
#error "written for x86-64"
#endif

#define NOT_AUDITED 0 /* the linker then unloads the library */
#define AF_UNIX 1
#define SOCK_STREAM 1
#define MOST_ARGUMENTS 8
#define CALL(name, a, b, c, d, e) call(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))

static char line[4096], program[4096], text[16384];

static long call(long number, long a, long b, long c, long d, long e)
{
    long result;
    register long fourth __asm__("r10") = d;
    register long fifth __asm__("r8") = e;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "a"(number), "D"(a), "S"(b), "d"(c), "r"(fourth), "r"(fifth)
                     : "rcx", "r11", "memory");
    return result;
}

static long length(const char *string)
{
    long count = 0;
    while (string[count])
        count++;
    return count;
}

static int begins(const char *string, const char *prefix)
{
    while (*prefix && *string == *prefix)
        string++, prefix++;
    return !*prefix;
}

static int equal(const char *one, const char *other)
{
    return begins(one, other) && length(one) == length(other);
}

/* Copy a string to `end`, which lies before `limit`, and return the new end; a string that is too long is cut. */
static char *append(char *end, const char *limit, const char *string)
{
    while (*string && end < limit - 1)
        *end++ = *string++;
    *end = 0;
    return end;
}

/* Join strings, of which the last is followed by a null pointer, in `text`, and return the length. */
static long join(const char *const *strings)
{
    char *end = text;
    for (; *strings; strings++)
        end = append(end, text + sizeof text, *strings);
    return end - text;
}
#define JOIN(...) join((const char *const[]){__VA_ARGS__, 0})

/* Read a file into `buffer` with a zero byte behind it, and return its length; -1 if it fails or is too long. */
static long read_all(long descriptor, char *buffer, long size)
{
    long count = 0, more;
    while ((more = CALL(read, descriptor, buffer + count, size - 1 - count, 0, 0)) > 0)
        count += more;
    buffer[count] = 0;
    return more < 0 || count == size - 1 ? -1 : count;
}

static long read_file(const char *path, char *buffer, long size)
{
    long descriptor = CALL(open, path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    long count = descriptor < 0 ? -1 : read_all(descriptor, buffer, size);
    CALL(close, descriptor, 0, 0, 0, 0);
    return count;
}

static int write_file(const char *path, const char *content)
{
    long descriptor = CALL(open, path, O_WRONLY | O_CLOEXEC, 0, 0, 0);
    return descriptor >= 0 && CALL(write, descriptor, content, length(content), 0, 0) == length(content);
}

static int enter(const char *path)
{
    long descriptor = CALL(open, path, O_RDONLY | O_CLOEXEC, 0, 0, 0);
    return descriptor >= 0 && !CALL(setns, descriptor, CLONE_NEWNET, 0, 0, 0);
}

static int create_namespace(const char *path)
{
    return !CALL(mount, "/proc/self/ns/net", path, "bind", MS_BIND, "");
}

static int set_ipv6(const char *namespace, const char *interface, const char *enabled)
{
    JOIN("/proc/sys/net/ipv6/conf/", interface, "/disable_ipv6");
    return enter(namespace) && write_file(text, equal(enabled, "true") ? "0\n" : "1\n");
}

static int set_default_vlan(const char *namespace, const char *bridge)
{
    JOIN("/sys/class/net/", bridge, "/bridge/default_pvid");
    return enter(namespace) && !CALL(unshare, CLONE_NEWNS, 0, 0, 0, 0)
        && !CALL(mount, "", "/", "", MS_PRIVATE | MS_REC, "") && !CALL(mount, "sysfs", "/sys", "sysfs", 0, "")
        && write_file(text, "0\n");
}

static const char *port_of(const char *address)
{
    const char *port = address;
    for (; *address; address++)
        if (*address == ':')
            port = address + 1;
    return port;
}

/* Redirect the packets of a new namespace for Docker's name server to its ports. Docker runs iptables eleven times. */
static int set_up_resolver(const char *namespace, const char *udp, const char *tcp)
{
    static const char variable[] = "GTSDSL_IPTABLES_RESTORE=";
    long count = read_file("/proc/self/environ", text, sizeof text);
    const char *found = text;
    while (found < text + count && !begins(found, variable))
        found += length(found) + 1;
    if (found >= text + count || !enter(namespace))
        return 0;
    append(program, program + sizeof program, found + sizeof variable - 1);
    const char *udp_port = port_of(udp), *tcp_port = port_of(tcp);
    count = JOIN("*nat\n:DOCKER_OUTPUT - [0:0]\n:DOCKER_POSTROUTING - [0:0]\n"
                 "-I OUTPUT -d 127.0.0.11 -j DOCKER_OUTPUT\n"
                 "-I POSTROUTING -d 127.0.0.11 -j DOCKER_POSTROUTING\n"
                 "-I DOCKER_OUTPUT -d 127.0.0.11 -p udp --dport 53 -j DNAT --to-destination ", udp, "\n"
                 "-I DOCKER_POSTROUTING -s 127.0.0.11 -p udp --sport ", udp_port, " -j SNAT --to-source :53\n"
                 "-I DOCKER_OUTPUT -d 127.0.0.11 -p tcp --dport 53 -j DNAT --to-destination ", tcp, "\n"
                 "-I DOCKER_POSTROUTING -s 127.0.0.11 -p tcp --sport ", tcp_port, " -j SNAT --to-source :53\n"
                 "COMMIT\n");
    int ends[2];
    if (CALL(pipe, ends, 0, 0, 0, 0) || CALL(write, ends[1], text, count, 0, 0) != count)
        return 0;
    CALL(close, ends[1], 0, 0, 0, 0);
    CALL(dup2, ends[0], 0, 0, 0, 0);
    const char *const command[] = {"iptables-restore", "--noflush", "--wait", 0}, *const empty[] = {0};
    CALL(execve, program, command, empty, 0, 0);
    return 0;
}

/* Tell dockerd, at its socket, the network namespace of a container, whose state runc writes to the standard input. */
static int set_key(const char *root, const char *container, const char *controller)
{
    static const char option[] = "-exec-root=", field[] = "\"pid\":";
    struct sockaddr_un address = {AF_UNIX, {0}};
    char *end = address.sun_path, *limit = end + sizeof address.sun_path, pid[16];
    long count = read_all(0, text, sizeof text), digits = 0;
    const char *found = text;
    while (*found && !begins(found, field))
        found++;
    if (count < 0 || !*found || !begins(root, option))
        return 0;
    found += sizeof field - 1;
    while (digits < 15 && found[digits] >= '0' && found[digits] <= '9')
        pid[digits] = found[digits], digits++;
    pid[digits] = 0;
    end = append(append(end, limit, root + sizeof option - 1), limit, "/libnetwork/");
    append(append(end, limit, controller), limit, ".sock");
    long connection = CALL(socket, AF_UNIX, SOCK_STREAM | O_CLOEXEC, 0, 0, 0);
    if (connection < 0 || CALL(connect, connection, &address, sizeof address, 0, 0))
        return 0;
    count = JOIN("{\"ContainerID\":\"", container, "\",\"Key\":\"/proc/", pid, "/ns/net\"}");
    if (CALL(write, connection, text, count, 0, 0) != count)
        return 0;
    count = CALL(read, connection, text, sizeof text - 1, 0, 0);
    text[count < 0 ? 0 : count] = 0;
    return equal(text, "success");
}

unsigned la_version(unsigned newest)
{
    const char *words[MOST_ARGUMENTS] = {""};
    int count = 0, is_done = 0;
    long size = read_file("/proc/self/cmdline", line, sizeof line);
    for (long at = 0; at < size && count < MOST_ARGUMENTS; at += length(line + at) + 1)
        words[count++] = line + at;
    if (count == 2 && equal(words[0], "netns-create"))
        is_done = create_namespace(words[1]);
    else if (count == 4 && equal(words[0], "set-ipv6"))
        is_done = set_ipv6(words[1], words[2], words[3]);
    else if (count == 3 && equal(words[0], "set-default-vlan"))
        is_done = set_default_vlan(words[1], words[2]);
    else if (count == 4 && equal(words[0], "setup-resolver"))
        is_done = set_up_resolver(words[1], words[2], words[3]);
    else if (count == 4 && equal(words[0], "redirector") && !*words[3])
        is_done = enter(words[1]); /* no rules, because a swarm without services publishes no ports */
    else if (count == 4 && equal(words[0], "libnetwork-setkey")) {
        is_done = set_key(words[1], words[2], words[3]);
        if (!is_done) /* Docker would wait for the state again, which has been read */
            CALL(exit_group, 1, 0, 0, 0, 0);
    }
    if (is_done)
        CALL(exit_group, 0, 0, 0, 0, 0);
    (void)newest;
    return NOT_AUDITED;
}
