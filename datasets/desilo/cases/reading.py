"""Reading an instance folder. The format is documented in `datasets/instance-format.md`.

Everything wrong in all files is collected and raised as one `BadInput`. A check whose own files are already
known to be faulty is left out, so that one slip does not turn into a thousand complaints.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pandas as pd
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from desilo.cases.errors import BadInput, Problem
from desilo.cases.findings import SHOWN, Findings, did_you_mean, quoted
from desilo.cases.instance import Activity, CrossEffects, Floats, Instance, Ints, Resource, ServiceTarget
from desilo.cases.keys import Line, read_keys
from desilo.cases.tables import REQUIRED_TABLES, SUFFIXES, TABLES, Sheet, read_table

MAX_CELLS = 100_000_000
"""Items x periods x levels x scenarios an instance may have (0.8 GB of demand figures)."""

SPARSE_CELLS = 1_000_000
"""Items x periods from which on a demand table that is far from complete is refused before room is made for it."""

PROBABILITY_TOLERANCE = 1e-6
"""Probabilities whose sum is nearer to 1 than this are scaled to sum to 1; others are refused."""

DEMAND_TOLERANCE = 1e-9
"""Share of the own demand by which cross effects may overshoot it (rounding of the data)."""

HEADER = "instance.toml"

PERIOD_COLUMNS = ("unit_cost", "order_cost", "holding_cost", "lost_sale_cost", "max_order")
"""Columns of items that item_periods can override."""

_Text = Annotated[str, StringConstraints(strip_whitespace=True)]


class Header(BaseModel):
    """The keys of instance.toml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    name: Annotated[Line, Field(min_length=1)]
    title: Line
    periods: Annotated[int, Field(ge=1, le=MAX_CELLS)]
    period_unit: _Text = ""
    currency: _Text = ""
    source: _Text = ""
    licence: _Text = ""
    notes: _Text = ""


def read_instance(path: Path | str) -> Instance:
    """Read and validate an instance folder.

    Args:
        path: the folder.

    Raises:
        BadInput: with every problem found in any file.
    """
    folder = Path(path)
    findings = Findings()
    try:
        header, sheets = _read_files(folder, findings)
    except OSError as error:
        raise BadInput([Problem(str(folder), f"cannot be read: {error.strerror}")]) from None
    instance = _Assembly(header, sheets, findings).instance() if header or sheets else None
    findings.stop_if_any()
    if instance is None:
        raise AssertionError("an instance or a problem")
    return instance


def lowest_demand(instance: Instance) -> Floats:
    """(I, T, W) least demand any choice of prices can lead to; below 0 the instance is not allowed.

    The least own demand over the own levels, plus each cross effect at the worst of the other's prices.
    """
    own = np.where(instance.has_level[:, None, :, None], instance.demand, np.inf).min(axis=2)
    cross = instance.cross_effects
    above = instance.price - instance.reference_price[:, None]
    cheapest, dearest = np.nanmin(above, axis=1)[cross.other], np.nanmax(above, axis=1)[cross.other]
    worst = np.zeros(own.shape[:2])
    np.add.at(worst, cross.item, np.minimum(cross.effect * cheapest[:, None], cross.effect * dearest[:, None]))
    lowest: Floats = own + worst[:, :, None]
    return lowest


def is_instance_folder(folder: Path) -> bool:
    """Whether the folder holds an instance's files and nothing else."""
    names = {entry.name for entry in folder.iterdir()}
    return HEADER in names and names <= _known_files()


def _known_files() -> set[str]:
    return {HEADER} | {name + suffix for name in TABLES for suffix in SUFFIXES}


def _read_files(folder: Path, findings: Findings) -> tuple[Header | None, dict[str, Sheet]]:
    if not folder.is_dir():
        reason = "is not a folder" if folder.exists() else "does not exist"
        raise BadInput([Problem(str(folder), f"{reason}; an instance is a folder with {HEADER} and its tables")])
    entries = {entry.name: entry for entry in sorted(folder.iterdir())}
    if entries.keys().isdisjoint(_known_files()):
        expected = f"{HEADER}, " + ", ".join(f"{name}.csv" for name in REQUIRED_TABLES)
        raise BadInput([Problem(str(folder), f"holds no instance; at least {expected} are expected")])
    for name in entries.keys() - _known_files():
        if not name.startswith("."):  # editors and file managers leave such files behind
            findings.add(name, f"not a file of an instance, remove it; {did_you_mean(name, sorted(_known_files()))}")
    header = None
    if HEADER in entries:
        header = read_keys(entries[HEADER], Header, findings, lambda _: Header.model_fields)
    else:
        findings.add(HEADER, "the file is missing; it gives name, title and periods")
    sheets = {}
    for table, schema in TABLES.items():
        present = [table + suffix for suffix in SUFFIXES if table + suffix in entries]
        if len(present) == 2:
            findings.add(present[1], f"{present[0]} is there too; keep one of the two")
        elif present and not entries[present[0]].is_file():
            findings.add(present[0], "is not a file")
        elif present:
            sheet = read_table(entries[present[0]], schema, findings)
            if sheet is not None:
                sheets[table] = sheet
        elif table in REQUIRED_TABLES:
            columns = ", ".join(name for name, column in schema.columns.items() if column.required)
            findings.add(f"{table}.csv", f"the file is missing; required columns: {columns}")
    return header, sheets


class _Assembly:
    """Puts the tables together: cross-table checks, then arrays."""

    def __init__(self, header: Header | None, sheets: Mapping[str, Sheet], findings: Findings) -> None:
        self.sheets = sheets
        self.findings = findings
        self.items = self._names("items", "item")
        self.I = len(self.items)
        self.header = header if header is None or self._has_demand(header.periods) else None
        self.T = self.header.periods if self.header else 0

    def instance(self) -> Instance | None:
        """The instance, or None (and problems found)."""
        price = self._price()
        scenarios, probability = self._scenarios()
        demand = self._demand(price, scenarios)
        figures = self._figures()
        cross = self._cross_effects()
        resources = self._resources()
        service = self._service()
        needed = [HEADER, *self._files(*REQUIRED_TABLES)]
        if self.header is None or demand is None or not self.findings.clean(needed):
            return None
        if not self.findings.clean(self._files("item_periods", "scenarios", "cross_effects")):
            return None
        groups = self.sheets["items"].frame["group"]
        instance = Instance(
            **self.header.model_dump(),
            items=tuple(self.items),
            groups=tuple(groups.where(groups != "", self.sheets["items"].frame["item"])),
            levels=price["levels"],
            price=price["price"],
            reference=price["reference"],
            promo=price["promo"],
            scenarios=tuple(scenarios),
            probability=probability,
            demand=demand,
            cross_effects=cross,
            resources=resources,
            service=service,
            **figures,
        )
        self._check_lowest_demand(instance)
        return instance

    def _has_demand(self, periods: int) -> bool:
        """Whether the demand table is long enough to be anything like complete."""
        rows = len(self.sheets["demand"].frame) if "demand" in self.sheets else 0
        cells = self.I * periods
        if not rows or cells <= max(SPARSE_CELLS, 2 * rows):
            return True
        found = (
            f"{self.I:,} items x {periods:,} periods = {cells:,}, but {self.sheets['demand'].file} has {rows:,} rows"
        )
        self.findings.add(HEADER, f"{found}; every item and period needs its rows", column="periods")
        return False

    # ---- lookups

    def _files(self, *tables: str) -> list[str]:
        return [f"{table}{suffix}" for table in tables for suffix in SUFFIXES]

    def _clean(self, *tables: str) -> bool:
        return self.findings.clean(self._files(*tables)) and all(table in self.sheets for table in tables)

    def _names(self, table: str, column: str) -> pd.Index[str]:
        if table not in self.sheets:
            return pd.Index([], dtype="str")
        names: pd.Index[str] = pd.Index(self.sheets[table].frame[column].dropna().unique())
        return names

    def _codes(self, sheet: Sheet, column: str, table: str, known: str) -> Ints:
        """Position of each name among those of another table's column.

        Unknown names are reported and -1. Blank ones, reported before, are -1; they may also be why a name is
        unknown, so nothing is reported if the other table has any.
        """
        names, cells = self._names(table, known), sheet.frame[column]
        codes: Ints = names.get_indexer(pd.Index(cells)).astype(np.int64)
        if len(names) and self.sheets[table].frame[known].notna().all():
            self.findings.add_rows(
                sheet.file,
                column,
                list(sheet.frame.index[(codes < 0) & cells.notna().to_numpy()]),
                lambda row: (
                    f"unknown {column} '{cells[row]}', not in {self.sheets[table].file}; "
                    + did_you_mean(cells[row], names)
                ),
            )
        return codes

    def _items(self, sheet: Sheet, column: str = "item") -> Ints:
        return self._codes(sheet, column, "items", "item")

    def _periods(self, sheet: Sheet) -> Ints:
        """Period index of each row; -1 where blank; out of range is reported and -1."""
        period = sheet.column("period")
        late = period > self.T if self.header else np.zeros(len(period), dtype=bool)
        self.findings.add_rows(
            sheet.file,
            "period",
            list(sheet.frame.index[late]),
            lambda row: f"found {sheet.cell(row, 'period'):g}; periods run from 1 to {self.T} ({HEADER})",
        )
        return np.where(late | np.isnan(period), 0, period).astype(np.int64) - 1

    def _fits(self, file: str, what: str, *sizes: int) -> bool:
        cells = math.prod(sizes)
        if cells > MAX_CELLS:
            product = " x ".join(f"{size:,}" for size in sizes)
            self.findings.add(file, f"too large: {what} = {product} = {cells:,}; at most {MAX_CELLS:,} are allowed")
        return cells <= MAX_CELLS

    # ---- tables

    def _figures(self) -> dict[str, Any]:
        """Arrays from items and item_periods."""
        sheet = self.sheets.get("items")
        over = self.sheets.get("item_periods")
        if over is not None:
            item, period = self._items(over), self._periods(over)
        if sheet is None or self.header is None or not self._fits(HEADER, "items x periods", self.I, self.T):
            return {}
        if len(sheet.frame) != self.I:  # duplicate or blank names, reported before
            return {}
        figures: dict[str, Any] = {
            "salvage_value": sheet.column("salvage_value"),
            "initial_stock": sheet.column("initial_stock"),
            "min_order": sheet.column("min_order"),
            "max_price_changes": sheet.column("max_price_changes"),
            "receipt": np.zeros((self.I, self.T)),
        }
        if self._clean("items"):
            figures["lead_time"] = sheet.column("lead_time").astype(np.int64)
        for name in PERIOD_COLUMNS:
            figures[name] = np.repeat(sheet.column(name)[:, None], self.T, axis=1)
        source = np.zeros((self.I, self.T), dtype=np.int64)  # row of item_periods that sets max_order
        if over is not None:
            for name in (*PERIOD_COLUMNS, "receipt"):
                value = over.column(name)
                given = ~np.isnan(value) & (item >= 0) & (period >= 0)
                figures[name][item[given], period[given]] = value[given]
                if name == "max_order":
                    source[item[given], period[given]] = over.frame.index.to_numpy()[given]
        self._check_order_sizes(figures["min_order"], figures["max_order"], source)
        return figures

    def _check_order_sizes(self, min_order: Floats, max_order: Floats, source: Ints) -> None:
        """A max_order of 0 means that no order can be placed, which suits any min_order."""
        conflict = (min_order[:, None] > max_order) & (max_order > 0)
        hint = "raise max_order, lower min_order, or set max_order to 0 for no orders"
        for table, here in (("items", conflict & (source == 0)), ("item_periods", conflict & (source > 0))):
            if here.any():
                places: dict[int, str] = {}
                for i, t in np.argwhere(here):
                    row = int(source[i, t] or self.sheets["items"].frame.index[i])
                    found = f"max_order {max_order[i, t]:g} is below min_order {min_order[i]:g}"
                    places.setdefault(row, f"{found} of item '{self.items[i]}'; {hint}")
                self.findings.add_rows(self.sheets[table].file, "max_order", list(places), places.__getitem__)

    def _price(self) -> dict[str, Any]:
        """Levels, price, reference, promo: padded arrays; and the demand table's lookup of levels.

        Only faulty names leave nothing to look up; faulty figures do not keep the demand table from its checks.
        """
        sheet = self.sheets.get("prices")
        if sheet is None:
            return {}
        item = self._items(sheet)
        reference = sheet.column("reference") == 1
        self._check_references(sheet, item, reference)
        keys = sheet.frame[["item", "level"]]
        if not self.I or (item < 0).any() or keys.isna().any(axis=None) or keys.duplicated().any():
            return {}
        count = np.bincount(item, minlength=self.I)
        K = int(count.max())
        if not self._fits(sheet.file, "items x most levels of an item", self.I, K):
            return {}
        level = pd.Series(item).groupby(item).cumcount().to_numpy()
        price = np.full((self.I, K), np.nan)
        price[item, level] = sheet.column("price")
        promo = np.zeros((self.I, K), dtype=bool)
        promo[item, level] = sheet.column("promo") == 1
        index = np.zeros(self.I, dtype=np.int64)
        index[item[reference]] = level[reference]
        names: list[list[str]] = [[] for _ in range(self.I)]
        for i, name in zip(item, sheet.frame["level"], strict=True):
            names[i].append(name)
        known = pd.Index(sheet.frame["level"].unique())
        key = item * len(known) + known.get_indexer(pd.Index(sheet.frame["level"]))
        return {
            "levels": tuple(tuple(own) for own in names),
            "has_level": np.arange(K) < count[:, None],  # where a faulty price is nan, too
            "price": price,
            "promo": promo,
            "reference": index,
            "level_names": known,
            "level_of": pd.Series(level, index=pd.Index(key)),
        }

    def _check_references(self, sheet: Sheet, item: Ints, reference: Any) -> None:
        """Every item has levels, exactly one of them the reference (rows with a faulty flag do not count)."""
        levels = np.bincount(item[item >= 0], minlength=self.I)
        marked = np.bincount(item[reference & (item >= 0)], minlength=self.I)
        unreadable = np.zeros(self.I, dtype=bool)
        faulty = np.isnan(sheet.column("reference")) | (item < 0)
        if (item < 0).any():
            unreadable[:] = True  # a misspelt row may be the missing one
        unreadable[item[faulty & (item >= 0)]] = True
        none = np.flatnonzero((levels == 0) & ~unreadable)
        for i in none[:SHOWN]:
            self.findings.add(sheet.file, f"item '{self.items[i]}' has no price level; add its levels", column="item")
        self.findings.add_count(sheet.file, "item", len(none) - SHOWN)
        unmarked = np.flatnonzero((levels > 0) & (marked == 0) & ~unreadable)
        rows = sheet.frame.index.to_numpy()
        first = {int(rows[np.flatnonzero(item == i)[0]]): i for i in unmarked[:SHOWN]}
        need = "set reference to 1 in exactly one row of the item: today's regular price"
        for row, i in first.items():
            self.findings.add(sheet.file, f"item '{self.items[i]}' has no reference level; {need}", row, "reference")
        self.findings.add_count(sheet.file, "reference", len(unmarked) - SHOWN)
        several = np.flatnonzero(marked > 1)
        for i in several[:SHOWN]:
            where = rows[(item == i) & reference]
            listed = ", ".join(map(str, where[:6]))
            found = f"item '{self.items[i]}' has {len(where)} reference levels (rows {listed})"
            self.findings.add(sheet.file, f"{found}; {need}", int(where[1]), "reference")
        self.findings.add_count(sheet.file, "reference", len(several) - SHOWN)

    def _scenarios(self) -> tuple[pd.Index[str], Floats]:
        """Names in the order of scenarios.csv or else of the demand table, and probabilities."""
        used = self._names("demand", "scenario")
        sheet = self.sheets.get("scenarios")
        if sheet is None:
            return used, np.full(len(used), 1 / max(len(used), 1))
        names, probability = self._names("scenarios", "scenario"), sheet.column("probability")
        total = math.fsum(probability)
        if self._clean("scenarios") and abs(total - 1) > PROBABILITY_TOLERANCE:
            self.findings.add(sheet.file, f"probabilities sum to {total:.9g}; they must sum to 1", column="probability")
        if abs(total - 1) > 1e-12:  # leave exact ones alone: dividing twice is not dividing once
            probability = probability / total if total > 0 else probability
        demand = self.sheets.get("demand")
        if demand is not None and demand.frame["scenario"].isin(names).all():
            self.findings.add_rows(
                sheet.file,
                "scenario",
                list(sheet.frame.index[sheet.frame["scenario"].notna() & ~sheet.frame["scenario"].isin(used)]),
                lambda row: (
                    f"{demand.file} has no demand for scenario '{sheet.cell(row, 'scenario')}'; "
                    f"its scenarios: {quoted(used)}"
                ),
            )
        return names, probability

    def _demand(self, price: Mapping[str, Any], scenarios: pd.Index[str]) -> Floats | None:
        """(I, T, K, W), complete."""
        sheet = self.sheets.get("demand")
        if sheet is None:
            return None
        item, period = self._items(sheet), self._periods(sheet)
        scenario = self._codes(sheet, "scenario", "scenarios" if "scenarios" in self.sheets else "demand", "scenario")
        if not price or self.header is None:
            return None
        level = self._level_codes(sheet, item, price)
        shape = (self.I, self.T, price["price"].shape[1], len(scenarios))
        if not self._fits(HEADER, "items x periods x levels x scenarios", *shape):
            return None
        keyed = (item >= 0) & (period >= 0) & (level >= 0) & (scenario >= 0)
        demand = np.full(shape, np.nan)
        at = (item[keyed], period[keyed], level[keyed], scenario[keyed])
        demand[at] = sheet.column("demand")[keyed]
        if keyed.all() and np.bincount(scenario, minlength=len(scenarios)).all():
            seen = np.zeros(shape, dtype=bool)
            seen[at] = True
            self._check_complete(sheet, seen, price, scenarios)
        demand[np.isnan(demand)] = 0.0  # beyond an item's own levels
        return demand

    def _level_codes(self, sheet: Sheet, item: Ints, price: Mapping[str, Any]) -> Ints:
        known: pd.Index[str] = price["level_names"]
        lookup: pd.Series[int] = price["level_of"]
        cells = sheet.frame["level"]
        code = known.get_indexer(pd.Index(cells))
        found = lookup.index.get_indexer(pd.Index(item * len(known) + code))
        fits = (item >= 0) & (code >= 0) & (found >= 0)
        unknown = np.flatnonzero((item >= 0) & cells.notna().to_numpy() & ~fits)
        rows = sheet.frame.index[unknown]
        own = {int(row): int(item[k]) for row, k in zip(rows[:SHOWN], unknown[:SHOWN], strict=True)}
        self.findings.add_rows(
            sheet.file,
            "level",
            list(rows),
            lambda row: (
                f"item '{self.items[own[row]]}' has no level '{cells[row]}'; "
                f"its levels in {self.sheets['prices'].file}: {quoted(price['levels'][own[row]])}"
            ),
        )
        return np.where(fits, lookup.to_numpy()[found], -1)

    def _check_complete(self, sheet: Sheet, seen: Any, price: Mapping[str, Any], scenarios: pd.Index[str]) -> None:
        missing = ~seen & price["has_level"][:, None, :, None]
        count = int(missing.sum())
        for i, t, k, w in np.argwhere(missing)[:SHOWN] if count else []:
            cell = f"item '{self.items[i]}', period {t + 1}, level '{price['levels'][i][k]}'"
            cell += f", scenario '{scenarios[w]}'"
            self.findings.add(sheet.file, f"no demand for {cell}; every combination needs a row", column="demand")
        self.findings.add_count(sheet.file, "demand", count - SHOWN)

    def _cross_effects(self) -> CrossEffects:
        none = CrossEffects(np.zeros(0, dtype=np.int64), np.zeros(0, dtype=np.int64), np.zeros((0, self.T)))
        sheet = self.sheets.get("cross_effects")
        if sheet is None:
            return none
        item, other, period = self._items(sheet), self._items(sheet, "other"), self._periods(sheet)
        self.findings.add_rows(
            sheet.file,
            "other",
            list(sheet.frame.index[(item == other) & (item >= 0)]),
            lambda row: (
                f"'{sheet.cell(row, 'other')}' is the item itself; its own price's effect belongs into the demand table"
            ),
        )
        if not self.I or not self.findings.clean([sheet.file, HEADER]):
            return none
        pair, first = pd.factorize(item * self.I + other)
        if not self._fits(sheet.file, "pairs x periods", len(first), self.T):
            return none
        effect = _spread(pair, period, sheet.column("effect"), (len(first), self.T), 0.0)
        return CrossEffects(first // self.I, first % self.I, effect)

    def _resources(self) -> tuple[Resource, ...]:
        sheet, use = self.sheets.get("resources"), self.sheets.get("resource_use")
        names = self._names("resources", "resource")
        if sheet is not None:
            period = self._periods(sheet)
        if use is not None:
            item = self._items(use)
            of = self._codes(use, "resource", "resources", "resource")
            if sheet is None and self.findings.clean(self._files("resources")):
                self.findings.add(
                    "resources.csv",
                    f"the file is missing; {use.file} uses {quoted(self._names('resource_use', 'resource'))}",
                )
        if sheet is None:
            return ()
        used = set(self._names("resource_use", "resource"))
        first = sheet.frame.drop_duplicates("resource").dropna(subset="resource")["resource"]
        unused = list(first.index[~first.isin(used)])
        if use is not None or self.findings.clean(self._files("resource_use")):
            source = use.file if use is not None else "resource_use.csv"
            self.findings.add_rows(
                sheet.file,
                "resource",
                unused,
                lambda row: f"no item uses resource '{first[row]}'; add its rows to {source} or remove it",
            )
        if use is None or not self.I or not self._clean("resources", "resource_use") or self.header is None:
            return ()
        row, _ = pd.factorize(sheet.frame["resource"])
        shape = (len(names), self.T)
        pairs = use.frame[["resource", "activity"]].drop_duplicates()
        if not (
            self._fits(sheet.file, "resources x periods", *shape)
            and self._fits(use.file, "resource activities x items", len(pairs), self.I)
        ):
            return ()
        capacity = _spread(row, period, sheet.column("capacity"), shape, np.inf)
        overage = _spread(row, period, sheet.column("overage_cost"), shape, np.inf)
        amounts: list[dict[Activity, Floats]] = [{} for _ in names]
        kinds = use.frame["activity"].to_numpy()
        amount = use.column("amount")
        for name, kind in pairs.itertuples(index=False):
            r = int(names.get_indexer(pd.Index([name]))[0])
            here = (of == r) & (kinds == kind)
            figures = np.zeros(self.I)
            figures[item[here]] = amount[here]
            amounts[r][Activity(kind)] = figures
        return tuple(Resource(name, capacity[r], overage[r], amounts[r]) for r, name in enumerate(names))

    def _service(self) -> tuple[ServiceTarget, ...]:
        sheet, items = self.sheets.get("service"), self.sheets.get("items")
        if sheet is None or items is None:
            return ()
        named = {problem.column for problem in self.findings.problems if problem.file == items.file}
        if named & {"item", "group"}:  # a faulty name may be the one in scope
            return ()
        positions = self._items(items)
        group = items.frame["group"].where(items.frame["group"] != "", items.frame["item"])
        in_group = {str(name): set(rows) for name, rows in pd.Series(positions).groupby(group.to_numpy())}
        position_of = {str(name): {i} for i, name in enumerate(self.items)}
        targets = []
        for row, scope, rate in sheet.frame[["scope", "min_fill_rate"]].itertuples():
            if pd.isna(scope):
                continue
            meanings = [names[scope] for names in (in_group, position_of) if scope in names]
            meanings += [set(range(self.I))] if scope == "all" else []
            if not meanings:
                hint = did_you_mean(scope, ["all", *in_group, *position_of])
                self.findings.add(
                    sheet.file,
                    f"unknown scope '{scope}'; an item, a group or all is expected; {hint}",
                    row,
                    "scope",
                )
            elif any(meaning != meanings[0] for meaning in meanings):
                self.findings.add(
                    sheet.file,
                    f"scope '{scope}' is ambiguous: it names more than one of an item, a group and all; "
                    f"rename the item or group in {items.file}",
                    row,
                    "scope",
                )
            else:
                members = np.array(sorted(meanings[0]), dtype=np.int64)
                targets.append(ServiceTarget(scope, members, float(rate)))
        return tuple(targets)

    def _check_lowest_demand(self, instance: Instance) -> None:
        if not len(instance.cross_effects):
            return
        lowest = lowest_demand(instance)
        scale = np.maximum(instance.demand.max(axis=2), 1.0)
        below = lowest < -DEMAND_TOLERANCE * scale
        count = int(below.sum())
        file = self.sheets["cross_effects"].file
        for i, t, w in np.argwhere(below)[:SHOWN] if count else []:
            where = f"item '{instance.items[i]}', period {t + 1}, scenario '{instance.scenarios[w]}'"
            self.findings.add(
                file,
                f"{where}: demand falls to {lowest[i, t, w]:.6g} at the worst prices of the other items; "
                "make the effects smaller or the price ladders shorter",
                column="effect",
            )
        self.findings.add_count(file, "effect", count - SHOWN)


def _spread(row: Any, period: Ints, value: Floats, shape: tuple[int, int], empty: float) -> Floats:
    """(n, T) figures from rows: those without a period (-1) in every period, then the others on top."""
    figures = np.full(shape, empty)
    every = period < 0
    figures[row[every]] = value[every][:, None]
    figures[row[~every], period[~every]] = value[~every]
    return figures
