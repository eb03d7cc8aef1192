"""What others have published, to set the figures beside: only what a source states, with the place where it does."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A result of others.

    Attributes:
        who: authors and year.
        where: title and journal.
        link: page on which the figure stands.
        stated: what it says, in our words, with its figures.
        differs: why it is not the same as what is measured here.
    """

    who: str
    where: str
    link: str
    stated: str
    differs: str


PRICING = (
    Published(
        "Montgomery 1997",
        "Hierarchical Bayes models for micro-marketing strategies, *Case Studies in Bayesian Statistics* III",
        "https://stat.cmu.edu/~kass/montgomery/written/writem.html",
        "the same chain's orange juice: with each store's average price and revenue held and no price moved by more "
        "than 10%, re-pricing the chain alike lifts the category's gross profit by 0.42% (moderate prior)",
        "prices that hold for the whole year and the whole chain are chosen there, and the average price may not "
        "move; here every window of three weeks and every zone is priced anew, promotions included",
    ),
    Published(
        "Montgomery, lecture",
        "the same, conclusion",
        "https://stat.cmu.edu/~kass/montgomery/conclusion.html",
        "strong prior: 0.44% if all stores are re-priced alike, 2.74% if each store has prices of its own; without "
        "holding average price and revenue 24% and almost 26%, because the estimated profit hardly bends and every "
        "price goes up",
        "these are gains in the model that chose the prices, not on weeks that were held out; what holds prices down "
        "here is the price-image rule",
    ),
    Published(
        "Montgomery 1995, abstract",
        "Micro-marketing using supermarket scanner data",
        "http://sentrana.com/learn/micro-marketing-using-supermarket-scanner-data",
        "prices by store can increase expected operating profit by 25%",
        "profit after fixed costs, of which a per cent of margin is several; expected, in the model that chose the "
        "prices; by store, here by zone",
    ),
    Published(
        "Hoch, Drèze and Purk 1994",
        "EDLP, Hi-Lo, and Margin Arithmetic, *Journal of Marketing* 58(4), 16-27, abstract",
        "http://www.xdreze.org/Publications/paper_detail.php?PaperID=10",
        "field experiments in the same chain, 26 categories: everyday prices 10% lower cost 18% of profit, 10% higher "
        "brought 15%; more frequent shallow deals at higher everyday prices brought 4%",
        "stores were given prices and observed, no stock or budget was in the way, and the whole category moved at "
        "once; here single items move within a ladder under a price-image rule",
    ),
    Published(
        "Chintagunta, Dubé and Singh 2003",
        "Balancing Profitability and Customer Welfare in a Supermarket Chain, *Quantitative Marketing and Economics* "
        "1, abstract",
        "https://link.springer.com/article/10.1023%2FA%3A1023534028314",
        "the same chain: store-specific prices that leave consumers at least the surplus of uniform ones still bring "
        "substantial incremental profit (no figure in the abstract)",
        "finer prices over stores are the source of gain there; over items and weeks here",
    ),
)
"""The pricing gain on this data or in this chain."""

JOINT = (
    Published(
        "Gallego and van Ryzin 1994",
        "Optimal Dynamic Pricing of Inventories with Stochastic Demand over Finite Horizons, *Management Science* "
        "40(8), 999-1020, abstract",
        "https://econpapers.repec.org/article/inmormnsc/v_3a40_3ay_3a1994_3ai_3a8_3ap_3a999-1020.htm",
        "for a given stock, fixed prices are asymptotically optimal as expected sales grow: what reacting to the "
        "stock adds vanishes with volume",
        "one item, no order cost and no shared limit; what is left to gain here lies between items, not in reacting",
    ),
    Published(
        "Chen, Wu and Yao 2010",
        "On the Benefit of Inventory-Based Dynamic Pricing Strategies, *Production and Operations Management* 19(3), "
        "abstract",
        "http://social.alljournals.cn/view_abstract.aspx?aid=34016EC57517FC1699B974FF2DCD31E3",
        "dynamic pricing is most effective when it is optimised jointly with replenishment, and one or two price "
        "changes a cycle realise most of it (no figure in the abstract)",
        "a single product in continuous review",
    ),
    Published(
        "Temporary price increase during replenishment lead time",
        "abstract",
        "https://discovery.researcher.life/article/temporary-price-increase-during-replenishment-lead-time/5c61bc61c65b30ba9916d88d22309c2a",
        "raising the price while waiting for a shipment brings about 13% more profit than a fixed price, over many "
        "numerical examples",
        "compared with one price for ever, not with a pricing function of its own, and stock-outs are what is saved",
    ),
)
"""The gain of pricing and ordering together."""
