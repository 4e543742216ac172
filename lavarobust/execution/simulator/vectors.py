"""Vector instructions that a compiler does not find by itself, as portable LLVM code for compiled loops.

A row is 32 integers. LLVM splits rows into whatever registers the processor has, so the same code runs
everywhere; sums wrap, as two's complement does.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

LANES = 32
"""Integers in a row."""

WORD = 64
"""Spikes in a word."""

COLUMNS = 8
"""Words that are counted side by side."""

UNROLLED = 4
"""Rows added in one turn of a loop; half the time of one a turn."""

_CHAINS = 2
"""Sums kept apart and joined at the end, so that an addition need not wait for the one before."""


class Row:
    """A row in registers, with the arithmetic of its integers. Shifts right keep the sign."""

    def __init__(self, builder: Any, value: Any) -> None:
        self.builder, self.value = builder, value

    def of(self, number: int) -> Row:
        """A row of one constant."""
        return Row(self.builder, ir.Constant(self.value.type, [number] * LANES))

    def filled(self, scalar: Any) -> Row:
        """A row of one variable, cut to this row's integers."""
        kind = self.value.type.element
        if scalar.type.width > kind.width:
            scalar = self.builder.trunc(scalar, kind)
        empty = ir.Constant(self.value.type, ir.Undefined)
        first = self.builder.insert_element(empty, scalar, ir.Constant(ir.IntType(32), 0))
        mask = ir.Constant(ir.VectorType(ir.IntType(32), LANES), None)
        return Row(self.builder, self.builder.shuffle_vector(first, empty, mask))

    def __add__(self, other: Row) -> Row:
        return Row(self.builder, self.builder.add(self.value, other.value))

    def __sub__(self, other: Row) -> Row:
        return Row(self.builder, self.builder.sub(self.value, other.value))

    def __neg__(self) -> Row:
        return self.of(0) - self

    def __mul__(self, other: Row) -> Row:
        return Row(self.builder, self.builder.mul(self.value, other.value))

    def __and__(self, other: Row) -> Row:
        return Row(self.builder, self.builder.and_(self.value, other.value))

    def __or__(self, other: Row) -> Row:
        return Row(self.builder, self.builder.or_(self.value, other.value))

    def __lshift__(self, other: Row) -> Row:
        return Row(self.builder, self.builder.shl(self.value, other.value))

    def __rshift__(self, other: Row) -> Row:
        return Row(self.builder, self.builder.ashr(self.value, other.value))

    def __gt__(self, other: Row) -> Any:
        return self.builder.icmp_signed(">", self.value, other.value)

    def __lt__(self, other: Row) -> Any:
        return self.builder.icmp_signed("<", self.value, other.value)

    def where(self, mask: Any, other: Row) -> Row:
        """This row where the mask is set, the other elsewhere."""
        return Row(self.builder, self.builder.select(mask, self.value, other.value))


class Memory:
    """An array ``(n,)`` of a compiled function, read and written in rows."""

    def __init__(self, context: Any, builder: Any, kind: Any, array: Any) -> None:
        self.builder = builder
        self.data = context.make_array(kind)(context, builder, array).data
        self.element = context.get_data_type(kind.dtype)
        self.row = ir.VectorType(self.element, LANES)

    def _at(self, index: Any) -> Any:
        return self.builder.bitcast(self.builder.gep(self.data, [index]), self.row.as_pointer())

    def load(self, index: Any, element: Any | None = None) -> Row:
        """The row that begins at an index, widened to an element type."""
        value = self.builder.load(self._at(index), align=self.element.width // 8)
        if element is not None and element.width > self.element.width:
            value = self.builder.sext(value, ir.VectorType(element, LANES))
        return Row(self.builder, value)

    def store(self, index: Any, row: Row) -> None:
        self.builder.store(row.value, self._at(index), align=self.element.width // 8)

    def item(self, index: Any, kind: Any) -> Any:
        """One element, widened to a scalar type."""
        return self.builder.sext(self.builder.load(self.builder.gep(self.data, [index])), kind)


@intrinsic
def add_rows(
    typingctx: Any, sums: Any, at: Any, weights: Any, base: Any, rows: Any, first: Any, last: Any
) -> Any:
    """``sums[at : at + 32] += weights[base + 32 rows[i] : ... + 32]`` for ``first <= i < last``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds, (sums, at, weights, base, rows, first, last) = signature.args, args
        target = Memory(context, builder, kinds[0], sums)
        source = Memory(context, builder, kinds[2], weights)
        listed = Memory(context, builder, kinds[4], rows)
        totals = [cgutils.alloca_once(builder, target.row) for _ in range(_CHAINS)]
        builder.store(target.load(at).value, totals[0])
        for total in totals[1:]:
            builder.store(ir.Constant(target.row, None), total)

        def add(i: Any, total: Any) -> None:
            offset = builder.mul(listed.item(i, first.type), ir.Constant(first.type, LANES))
            row = source.load(builder.add(base, offset), target.element)
            builder.store((Row(builder, builder.load(total)) + row).value, total)

        one, stride = ir.Constant(first.type, 1), ir.Constant(first.type, UNROLLED)
        whole = builder.and_(builder.sub(last, first), ir.Constant(first.type, -UNROLLED))
        edge = builder.add(first, whole)
        with cgutils.for_range_slice(builder, first, edge, stride, first.type, inc=True) as (i, _):
            for ahead in range(UNROLLED):
                add(builder.add(i, ir.Constant(first.type, ahead)), totals[ahead % _CHAINS])
        with cgutils.for_range_slice(builder, edge, last, one, first.type, inc=True) as (i, _):
            add(i, totals[0])
        result = Row(builder, builder.load(totals[0]))
        for total in totals[1:]:
            result += Row(builder, builder.load(total))
        target.store(at, result)
        return context.get_dummy_value()

    return types.void(sums, types.intp, weights, types.intp, rows, types.intp, types.intp), codegen


@intrinsic
def add_rows_times(
    typingctx: Any,
    sums: Any,
    at: Any,
    weights: Any,
    base: Any,
    rows: Any,
    factors: Any,
    first: Any,
    last: Any,
) -> Any:
    """``sums[at : at + 32] += factors[i] * weights[base + 32 rows[i] : ... + 32]``, ``first <= i < last``."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds, (sums, at, weights, base, rows, factors, first, last) = signature.args, args
        target = Memory(context, builder, kinds[0], sums)
        source = Memory(context, builder, kinds[2], weights)
        listed = Memory(context, builder, kinds[4], rows)
        amounts = Memory(context, builder, kinds[5], factors)
        total = cgutils.alloca_once(builder, target.row)
        builder.store(target.load(at).value, total)
        one = ir.Constant(first.type, 1)
        with cgutils.for_range_slice(builder, first, last, one, first.type, inc=True) as (i, _):
            offset = builder.mul(listed.item(i, first.type), ir.Constant(first.type, LANES))
            row = source.load(builder.add(base, offset), target.element)
            sum_so_far = Row(builder, builder.load(total))
            product = row * row.filled(amounts.item(i, ir.IntType(64)))
            builder.store((sum_so_far + product).value, total)
        target.store(at, Row(builder, builder.load(total)))
        return context.get_dummy_value()

    signature = types.void(sums, types.intp, weights, types.intp, rows, factors, types.intp, types.intp)
    return signature, codegen


@intrinsic
def weigh_bits(typingctx: Any, words: Any, at: Any, count: Any, masks: Any, worth: Any, blocks: Any) -> Any:
    """Bits that ``words[at + w]`` shares with ``masks[b, w, i]``, times ``worth[8 b + i]``.

    Summed over ``w < count``, ``b < blocks`` and ``i < 8``, int64; arrays are in C order, ``words`` flat.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds, (words, at, count, masks, worth, blocks) = signature.args, args
        source, shared, weights = (
            context.make_array(kinds[i])(context, builder, array).data
            for i, array in ((0, words), (3, masks), (4, worth))
        )
        columns = ir.VectorType(ir.IntType(64), COLUMNS)
        every = ir.Constant(ir.VectorType(ir.IntType(32), COLUMNS), None)

        def named(result: Any, name: str) -> Any:
            kind = ir.FunctionType(result, [columns])
            return cgutils.get_or_insert_function(builder.module, kind, f"llvm.{name}.v{COLUMNS}i64")

        def load(data: Any, row: Any) -> Any:
            place = builder.gep(data, [builder.mul(row, ir.Constant(row.type, COLUMNS))])
            return builder.load(builder.bitcast(place, columns.as_pointer()), align=8)

        def word(w: Any) -> Any:
            held = builder.load(builder.gep(source, [builder.add(at, w)]))
            empty = ir.Constant(columns, ir.Undefined)
            first = builder.insert_element(empty, held, ir.Constant(ir.IntType(32), 0))
            return builder.shuffle_vector(first, empty, every)

        set_bits_of, sum_of = named(columns, "ctpop"), named(columns.element, "vector.reduce.add")
        total, some = (cgutils.alloca_once_value(builder, ir.Constant(columns, None)) for _ in range(2))
        with cgutils.for_range(builder, blocks, intp=at.type) as block:
            builder.store(ir.Constant(columns, None), some)
            first = builder.mul(block.index, count)
            with cgutils.for_range(builder, count, intp=at.type) as loop:
                bits = builder.and_(load(shared, builder.add(first, loop.index)), word(loop.index))
                builder.store(builder.add(builder.load(some), builder.call(set_bits_of, [bits])), some)
            weighed = builder.mul(builder.load(some), load(weights, block.index))
            builder.store(builder.add(builder.load(total), weighed), total)
        return builder.call(sum_of, [builder.load(total)])

    return types.int64(words, types.intp, types.intp, masks, worth, types.intp), codegen


@intrinsic
def put_sums(typingctx: Any, numbers: Any, at: Any, table: Any, entry: Any, first: Any) -> Any:
    """``numbers[at : at + 8] = table[8 entry : 8 entry + 8] + first``, of a table of bytes."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        kinds, (numbers, at, table, entry, first) = signature.args, args
        data = context.make_array(kinds[2])(context, builder, table).data
        place = builder.gep(data, [builder.shl(entry, ir.Constant(entry.type, 3))])
        bytes_ = builder.load(builder.bitcast(place, ir.VectorType(ir.IntType(8), 8).as_pointer()), align=1)
        eight = ir.VectorType(ir.IntType(32), 8)
        start = builder.insert_element(
            ir.Constant(eight, ir.Undefined),
            builder.trunc(first, ir.IntType(32)),
            ir.Constant(ir.IntType(32), 0),
        )
        every = ir.Constant(ir.VectorType(ir.IntType(32), 8), None)
        row = builder.add(builder.zext(bytes_, eight), builder.shuffle_vector(start, start, every))
        target = builder.gep(context.make_array(kinds[0])(context, builder, numbers).data, [at])
        builder.store(row, builder.bitcast(target, eight.as_pointer()), align=4)
        return context.get_dummy_value()

    return types.void(numbers, types.intp, table, types.intp, types.intp), codegen


@intrinsic
def set_bits(typingctx: Any, word: Any) -> Any:
    """How many bits of a word of 64 are set."""

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        return builder.ctpop(args[0])

    return types.int64(types.uint64), codegen
