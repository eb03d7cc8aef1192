"""The seventeen claims of three articles, each with what would show it, written down before any outcome was seen.

- A range ("2-5%") is two tests: the effect has the claimed sign, and its mean lies in the range.
- That something is so at all is its sign; a comparison is the sign of the difference.
- A claim about coupling is controlled by the same figure in null worlds, in which no decision touches another.
- Where an article gives no figure and a bound is needed, the bound and its reason are in the claim's `reading`.

Regions, before any experiment was run (percentages are of the status quo's profit, if not said otherwise):

A1  pricing alone, % of the gross margin: booked 2 to 5; realised above 0; realised 2 to 5. Generated and orange juice.
A2  estimated against yesterday's forecast, held-out error, % less: above 0; 10 to 20. Real cases only: in a generated
    firm the error is a dial. Control: a forecast that learns nothing gains nothing, within 2%.
A3  inventory alone, average stock, % less: above 0; 10 to 30; fill rate, points: above -0.5.
A4  booked less realised, isolated: above 0, generated and orange juice. Null world: within 5% of what is booked.
A5  more than the sum of the single gains: joint above 0, coordinated above 0; orange juice joint above 0. Null: 1.
A6  joint over isolated: above 0; less what a better block brings in the isolated wiring: above 0. Null: within 1.
A7  coordinated over isolated: above 0; coordinated less 80% of the joint gain: above 0 ("it needs no central function"
    is taken as four fifths of what a central one gains); Null: coordinated over isolated within 1.
A8  the gain of connecting: none without coupling (the control, within 1); more with than without: above 0; more with
    re-planning than with one plan: above 0.
A9  realised gain of the first less the second function, and of the second less the third, isolated, mean over all
    orders: above 0 each. Null: first less third within 1.
A10 limits agreed beforehand less repair afterwards: above 0. Null: without limits that bind, within 1.
A11 what misaligned scorecards cost without a protocol: above 0; what the protocol saves of it: above 0; what
    misaligned functions still gain over the status quo with the protocol: above 0. Null: no misalignment, within 1.
B1  share of the gain that the top fifth takes, points more than in the placebo population: above 0; share, %: 64 to
    84; top fifth against the rest, a firm: 5 to 10 times; share of the variance of gains that coordination explains
    less the share that capability explains: above 0. Placebo: coordination explains nothing, within 5 points.
B2  perfect less naive capability: connected gain above 0; what isolated decisions lose against connected ones above 0.
    Null: the latter within 1.
B3  leakage an item, largest less smallest firm: above 0. Null: within 1.
B4  what optimising a function does to the others' causes of profit: below 0 for every function. Null: within 1.
C1  uncoordinated, every period re-planned less one plan: spread of prices, bullwhip ratio, spread of profit: above 0
    each; uncoordinated less coordinated at the fastest cadence, bullwhip ratio: above 0. Null: within 10% of the ratio.
C2  gain with half the adopters less half the gain with all: below 0. Null: within 1.
"""

from __future__ import annotations

from desilo.harness.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()

TOGETHER = sum(len(claim.tests) + len(claim.controls) for claim in CLAIMS)
"""Tests and controls that are judged together."""
