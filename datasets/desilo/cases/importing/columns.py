"""Which column of an export holds what: said by its owner, or guessed from its name."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from enum import StrEnum


class Role(StrEnum):
    """What a column can hold; the option that names it has the same name."""

    DATE = "date"
    ITEM = "item"
    UNITS = "units"
    PRICE = "price"
    REVENUE = "revenue"
    UNIT_COST = "unit-cost"
    STOCK = "stock"
    PROMO = "promo"
    ZONE = "zone"
    GROUP = "group"


MEANING: Mapping[Role, str] = {
    Role.DATE: "the day, week or month of a row",
    Role.ITEM: "what was sold",
    Role.UNITS: "units sold; returns are negative",
    Role.PRICE: "price per unit",
    Role.REVENUE: "money taken for the row's units",
    Role.UNIT_COST: "what a unit cost to buy",
    Role.STOCK: "units in stock after the row",
    Role.PROMO: "whether it was promoted: yes or no, or a share from 0 to 1",
    Role.ZONE: "price zone: where the same price is asked",
    Role.GROUP: "group of substitutes, whose prices act on each other's sales",
}

KNOWN_AS: Mapping[Role, str] = {
    Role.DATE: (
        "date day week month period datum tag woche monat invoicedate orderdate saledate salesdate transactiondate "
        "purchasedate bookingdate dateofsale rechnungsdatum bestelldatum verkaufsdatum "
        "timestamp datetime weekending weekstart yearweek yearmonth calendarweek kalenderwoche fecha"
    ),
    Role.ITEM: (
        "item itemid itemname itemcode sku product productid productname productcode article articleid articlename "
        "artikel artikelnummer artikelname upc ean gtin stockcode produkt material producto"
    ),
    Role.UNITS: "units unitssold quantity qty quantitysold qtysold menge absatz pieces volumesold stück unidades",
    Role.PRICE: (
        "price unitprice salesprice averageprice avgprice sellingprice shelfprice priceperunit preis stückpreis vk "
        "precio"
    ),
    Role.REVENUE: (
        "revenue turnover netsales salesamount salesvalue lineamount linetotal totalprice amount umsatz erlös importe"
    ),
    Role.UNIT_COST: (
        "unitcost cost costprice costperunit purchaseprice wholesaleprice einkaufspreis ek stückkosten coste"
    ),
    Role.STOCK: "stock stockonhand onhand inventory closingstock endingstock stocklevel bestand lagerbestand",
    Role.PROMO: "promo promotion promoted onpromotion onpromo feature featured aktion",
    Role.ZONE: "zone pricezone preiszone",
    Role.GROUP: "group itemgroup productgroup subcategory subcommodity artikelgruppe warengruppe",
}
"""Names in common use, without blanks and signs, in lower case."""

REQUIRED = (Role.DATE, Role.ITEM, Role.UNITS)
"""Needed whatever else is there; one of price and revenue is needed too, and a unit cost or a margin."""


def guess(header: Sequence[str], given: Mapping[Role, str]) -> dict[Role, tuple[str, ...]]:
    """The columns of the header that each role not given may be, by their names."""
    free = [name for name in header if name not in given.values()]
    return {
        role: tuple(name for name in free if re.sub(r"[\W_]", "", name.lower()) in KNOWN_AS[role].split())
        for role in Role
        if role not in given
    }
