"""Statistics: pure functions of arrays and frames; SciPy and statsmodels compute."""
