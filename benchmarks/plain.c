/* What the kernel alone costs: the namespaces, veth pairs and addresses of a list of circuits, by batched netlink.
 *
 * Standard input: the number of hosts, then two numbers a line, the hosts that a circuit joins. It makes them, prints
 * the seconds that took, waits for a line, lets go of them, and says so. Circuit k has the addresses 10.0.0.0 + 2k and + 2k + 1, each /31.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BATCH 65536

static char batch[BATCH + 4096];
static size_t used;
static unsigned sequence;

static void die(const char *what) { perror(what); exit(1); }

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static void flush(int s)
{
    char answer[65536];
    if (!used) return;
    /* the last message asks for an acknowledgement; errors of the others come before it */
    struct nlmsghdr *last = NULL;
    for (size_t at = 0; at < used;) { last = (struct nlmsghdr *)(batch + at); at += NLMSG_ALIGN(last->nlmsg_len); }
    last->nlmsg_flags |= NLM_F_ACK;
    unsigned wanted = last->nlmsg_seq;
    if (send(s, batch, used, 0) < 0) die("send");
    used = 0;
    for (;;) {
        ssize_t got = recv(s, answer, sizeof answer, 0);
        if (got < 0) die("recv");
        for (struct nlmsghdr *h = (struct nlmsghdr *)answer; NLMSG_OK(h, got); h = NLMSG_NEXT(h, got)) {
            if (h->nlmsg_type != NLMSG_ERROR) continue;
            int error = ((struct nlmsgerr *)NLMSG_DATA(h))->error;
            if (error) { errno = -error; die("netlink"); }
            if (h->nlmsg_seq == wanted) return;
        }
    }
}

static struct nlmsghdr *begin(int type, int flags, const void *head, size_t size)
{
    struct nlmsghdr *h = (struct nlmsghdr *)(batch + used);
    memset(h, 0, NLMSG_LENGTH(size));
    h->nlmsg_len = NLMSG_LENGTH(size);
    h->nlmsg_type = type;
    h->nlmsg_flags = NLM_F_REQUEST | flags;
    h->nlmsg_seq = ++sequence;
    memcpy(NLMSG_DATA(h), head, size);
    return h;
}

static struct rtattr *add(struct nlmsghdr *h, int type, const void *data, size_t size)
{
    struct rtattr *a = (struct rtattr *)((char *)h + NLMSG_ALIGN(h->nlmsg_len));
    a->rta_type = type;
    a->rta_len = RTA_LENGTH(size);
    if (size) memcpy(RTA_DATA(a), data, size);
    h->nlmsg_len = NLMSG_ALIGN(h->nlmsg_len) + RTA_ALIGN(a->rta_len);
    return a;
}

static void close_nest(struct nlmsghdr *h, struct rtattr *a) { a->rta_len = (char *)h + h->nlmsg_len - (char *)a; }

static void end(int s, struct nlmsghdr *h)
{
    used += NLMSG_ALIGN(h->nlmsg_len);
    if (used > BATCH) flush(s);
}

static void side(struct nlmsghdr *h, int host, int port, int namespace)
{
    char name[32];
    int size = snprintf(name, sizeof name, "h%d-eth%d", host + 1, port);
    add(h, IFLA_IFNAME, name, size + 1);
    add(h, IFLA_NET_NS_FD, &namespace, sizeof namespace);
}

static void raise_link(int s, int index)
{
    struct ifinfomsg up = {.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = IFF_UP, .ifi_change = IFF_UP};
    end(s, begin(RTM_NEWLINK, 0, &up, sizeof up));
}

int main(void)
{
    int hosts, circuits = 0, room = 16;
    int (*pair)[2] = malloc(room * sizeof *pair);
    if (scanf("%d", &hosts) != 1) return 2;
    for (; scanf("%d %d", &pair[circuits][0], &pair[circuits][1]) == 2; circuits++)
        if (circuits + 2 > room) pair = realloc(pair, (room *= 2) * sizeof *pair);
    int home = open("/proc/self/ns/net", O_RDONLY);
    int *namespace = calloc(hosts, sizeof(int)), *links = calloc(hosts, sizeof(int));
    int *ports = calloc(hosts, sizeof(int)), *index = calloc(2 * circuits, sizeof(int));

    double start = now();
    for (int i = 0; i < hosts; i++) {
        if (unshare(CLONE_NEWNET)) die("unshare");
        namespace[i] = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
        links[i] = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
        if (namespace[i] < 0 || links[i] < 0) die("namespace");
    }
    for (int k = 0; k < circuits; k++) {
        int a = pair[k][0], b = pair[k][1];
        int port_a = ports[a]++, port_b = ports[b]++;
        index[2 * k] = port_a + 2;
        index[2 * k + 1] = port_b + 2;
        struct ifinfomsg first = {.ifi_family = AF_UNSPEC, .ifi_index = port_a + 2};
        struct ifinfomsg second = {.ifi_family = AF_UNSPEC, .ifi_index = port_b + 2};
        struct nlmsghdr *h = begin(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, &first, sizeof first);
        side(h, a, port_a, namespace[a]);
        struct rtattr *info = add(h, IFLA_LINKINFO, NULL, 0);
        add(h, IFLA_INFO_KIND, "veth", 5);
        struct rtattr *data = add(h, IFLA_INFO_DATA, NULL, 0);
        struct rtattr *peer = add(h, VETH_INFO_PEER, &second, sizeof second);
        side(h, b, port_b, namespace[b]);
        close_nest(h, peer);
        close_nest(h, data);
        close_nest(h, info);
        end(links[0], h);
    }
    flush(links[0]);
    /* addresses in the order of the hosts: a batch can only be for one namespace */
    int *first_of = calloc(hosts + 1, sizeof(int)), *ends = calloc(2 * circuits, sizeof(int));
    for (int e = 0; e < 2 * circuits; e++) first_of[pair[e / 2][e % 2] + 1]++;
    for (int i = 0; i < hosts; i++) first_of[i + 1] += first_of[i];
    int *fill = malloc((hosts + 1) * sizeof(int));
    memcpy(fill, first_of, (hosts + 1) * sizeof(int));
    for (int e = 0; e < 2 * circuits; e++) ends[fill[pair[e / 2][e % 2]]++] = e;
    for (int i = 0; i < hosts; i++) {
        raise_link(links[i], 1);
        for (int at = first_of[i]; at < first_of[i + 1]; at++) {
            int e = ends[at];
            struct ifaddrmsg message = {.ifa_family = AF_INET, .ifa_prefixlen = 31, .ifa_index = index[e]};
            struct nlmsghdr *h = begin(RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &message, sizeof message);
            unsigned address = htonl(0x0a000000u + e);
            add(h, IFA_LOCAL, &address, 4);
            add(h, IFA_ADDRESS, &address, 4);
            end(links[i], h);
            raise_link(links[i], index[e]);
        }
        flush(links[i]);
        close(links[i]);
    }
    printf("%.6f\n", now() - start);
    fflush(stdout);

    char line[8];
    if (read(0, line, sizeof line) < 0) die("read");
    setns(home, CLONE_NEWNET);
    for (int i = 0; i < hosts; i++) close(namespace[i]);
    puts("gone");
    return 0;
}
