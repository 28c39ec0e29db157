"""What the chapters import: data, figures, plots and a few helpers to train and to report."""
