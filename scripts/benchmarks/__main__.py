"""Runs the benchmarks that are named, or all. See scripts/bench."""

import argparse

import bodies
import console
import first_token
import store
import validation

BENCHMARKS = {
    "validation": validation.measurements,
    "bodies": bodies.measurements,
    "store": store.measurements,
    "first-token": first_token.measurements,
    "console": console.measurements,
}


def main() -> None:
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="WHAT", help=", ".join(BENCHMARKS) + " (all)")
    for name in parser.parse_args().names or BENCHMARKS:
        print(f"== {name}")
        for measured in BENCHMARKS[name]():
            print(measured, flush=True)


main()
