"""From `name = value` to an attribute of the open block, or to a new value of a variable."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from gtsdsl.diagnostics import Note
from gtsdsl.evaluate.expressions import At, Quiet
from gtsdsl.evaluate.limits import ATTRIBUTE_COST, ENTRY_COST, ITEM_COST
from gtsdsl.evaluate.open_blocks import Level, OpenBlock
from gtsdsl.evaluate.operators import key_of, length_of, operate
from gtsdsl.evaluate.values import POISON, Failed, RuntimeValue, Scope, This, holds, kept, kind_of
from gtsdsl.model.classes import TESTBED_ATTRIBUTES
from gtsdsl.source import Span
from gtsdsl.syntax import nodes
from gtsdsl.text import printable

if TYPE_CHECKING:
    from gtsdsl.evaluate.statements import Statements


class Assignments:
    """Assigns for `Statements`, which holds the state."""

    def __init__(self, owner: Statements) -> None:
        self._owner = owner
        self._meter = owner.meter

    def once(self, node: nodes.Assignment, container: OpenBlock, seen: dict[str, Span]) -> None:
        if type(node.target) is not nodes.Name or node.sign != "=" or node.target.id in container.scope.variables:
            return
        name = node.target.id
        span = Span(node.start, node.end)
        if name in seen and (name in container.attributes or name in container.failed):
            note = Note("it was set here", seen[name])
            self._owner.report("GTS029", f"`{printable(name)}` is set twice", span, notes=(note,))
        seen[name] = span

    def literal_attribute(self, node: nodes.Assignment, container: OpenBlock, scope: Scope) -> bool:
        """Set an attribute to a string as it stands, which is most of a large file; False where there is more to it."""
        target, value = node.target, node.value
        if (
            type(target) is nodes.Name
            and type(value) is nodes.Literal
            and type(value.value) is str
            and node.sign == "="
            and scope is container.scope
            and target.id in container.known
            and target.id not in scope.variables
        ):
            self._meter.make(ATTRIBUTE_COST + len(value.value))
            container.attributes[target.id] = value.value
            container.places[target.id] = Span(value.start, value.end)
            return True
        return False

    def assign(self, node: nodes.Assignment, scope: Scope) -> RuntimeValue:
        target = node.target
        if isinstance(target, nodes.Name):
            return self._assign_name(target, node, scope)
        if not isinstance(target, nodes.Postfix) or isinstance(target.suffixes[-1], nodes.Call):
            raise At(Failed("GTS018", "nothing can be assigned to this"), Span(target.start, target.end))
        *before, last = target.suffixes
        of = nodes.Postfix(target.start, target.end, target.target, tuple(before)) if before else target.target
        holder = self._owner.expressions.holder(of, scope)
        index: RuntimeValue
        if isinstance(last, nodes.Property):
            index = last.name.id
        else:
            index = self._owner.expressions.value(cast(nodes.Index, last).key, scope)
        value = self._owner.expressions.value(node.value, scope)
        testbed = holder.container if isinstance(holder, This) else None
        if node.sign != "=":
            if testbed is None:
                old = operate("[]", holder, index, self._meter)
            else:
                old = self._owner.field(testbed, key_of(index))
            value = operate(node.sign[0], old, value, self._meter)
        if testbed is None:
            self._put(holder, index, value)
        else:
            self._set_field(testbed, key_of(index), value, Span(node.value.start, node.value.end))
        return value

    def _set_field(self, testbed: OpenBlock, name: str, value: RuntimeValue, span: Span) -> None:
        """Set what ``this.name`` stands for: a variable that the testbed declares, or one of its attributes."""
        if name in testbed.known and name not in testbed.scope.variables:
            self._set_attribute(testbed, name, value, span)
        else:
            self._owner.field(testbed, name)
            testbed.scope.variables[name] = value

    def _put(self, holder: RuntimeValue, index: RuntimeValue, value: RuntimeValue) -> None:
        if not isinstance(holder, list | dict):
            raise Failed("GTS011", f"{kind_of(holder)} takes no items")
        if holds(value, holder, self._meter):
            raise Failed("GTS013", f"{kind_of(holder)} cannot hold itself")
        if isinstance(holder, dict):
            key = key_of(index)
            self._meter.step(length_of(key))
            self._meter.grow(len(holder), ENTRY_COST + len(key))
            holder[key] = value
        elif type(index) is int and index == len(holder):
            self._meter.grow(len(holder), ITEM_COST)
            holder.append(value)
        else:
            operate("[]", holder, index, self._meter)
            holder[cast(int, index)] = value

    def _assign_name(self, target: nodes.Name, node: nodes.Assignment, scope: Scope) -> RuntimeValue:
        name = target.id
        container = self._owner.open[-1] if self._owner.open else None
        variable = scope.holder(name)
        if container is not None and (
            variable is None or (name in container.known and not _inside(scope, variable, container))
        ):
            value = self._owner.expressions.value(node.value, scope)
            if node.sign != "=":
                if name not in container.attributes:
                    raise Failed("GTS010", f"`{printable(name)}` has no value yet")
                value = operate(node.sign[0], cast(RuntimeValue, container.attributes[name]), value, self._meter)
            if value is None and isinstance(node.value, nodes.Block):
                raise At(
                    Failed(
                        "GTS018", f"`{printable(node.value.name.id)} {{ … }}` is no value", "is one missing after `=`?"
                    ),
                    Span(node.value.name.start, node.value.name.end),
                )
            self._set_attribute(container, name, value, Span(node.value.start, node.value.end))
            return value
        if variable is None:
            raise At(
                Failed(
                    "GTS018",
                    f"`{printable(name)}` is set outside of a testbed",
                    f"a variable: `def {printable(name)} = …`",
                ),
                Span(target.start, target.end),
            )
        value = self._owner.expressions.value(node.value, scope)
        if node.sign != "=":
            if variable.variables[name] is POISON:
                raise Quiet
            value = operate(node.sign[0], variable.variables[name], value, self._meter)
        variable.variables[name] = value
        return value

    def _set_attribute(self, container: OpenBlock, name: str, value: RuntimeValue, span: Span) -> None:
        is_parameter = container.level is Level.INSTANCE and name not in TESTBED_ATTRIBUTES
        if name in ("id", "location", "description") and not is_parameter and not isinstance(value, str):
            hint = f'as text: `{name} = "${{…}}"`' if type(value) is int else None
            raise At(Failed("GTS039", f"`{name}` is a string, not {kind_of(value)}", hint), span)
        self._meter.make(ATTRIBUTE_COST + len(name))
        try:
            container.attributes[name] = kept(value, self._meter)
        except Failed as failure:
            raise At(failure, span) from None
        container.places[name] = span

    def increment(self, node: nodes.Increment, scope: Scope) -> RuntimeValue:
        one = nodes.Literal(node.start, node.end, 1)
        return self.assign(nodes.Assignment(node.start, node.end, node.target, f"{node.sign[0]}=", one), scope)


def _inside(scope: Scope | None, holder: Scope, container: OpenBlock) -> bool:
    """Whether a variable, seen from ``scope``, was declared between a container's own braces, so that it hides the
    attribute of its name. One from outside does not: `def machine(id) { host { id = id } }`."""
    while scope is not None and scope is not holder:
        if scope is container.scope:
            return False
        scope = scope.parent
    return scope is holder
