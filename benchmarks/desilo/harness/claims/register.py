"""The seventeen claims of three articles, each with what would show it, written down before any outcome was seen.

- A range ("2-5%") is two tests: the effect has the claimed sign, and its mean lies in the range.
- That something is so at all is its sign; a comparison is the sign of the difference.
- A claim about coupling is controlled by the same figure in null worlds, in which no decision touches another.
- Where an article gives no figure and a bound is needed, the bound and its reason are in the claim's `reading`.
"""

from __future__ import annotations

from desilo.harness.claims.claim import Claim

CLAIMS: tuple[Claim, ...] = ()

TOGETHER = sum(len(claim.tests) + len(claim.controls) for claim in CLAIMS)
"""Tests and controls that are judged together."""
