"""Probabilities at another temperature: python own_temperature.py IN.parquet OUT.parquet 2.0"""

import sys
from dataclasses import replace
from pathlib import Path

from scipy.special import expit, logit

from hpa_lit.files import prediction_file


def main(source, target, temperature):
    predictions = prediction_file.read(Path(source))
    softer = expit(logit(predictions.probabilities) / float(temperature))
    prediction_file.write(Path(target), replace(predictions, probabilities=softer))


if __name__ == "__main__":
    main(*sys.argv[1:])
