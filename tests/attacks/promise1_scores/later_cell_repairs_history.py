"""Looks up what later cells need: a cell after the test sets the function right, too late."""


# stock: no: the test has run by then
def double(x):
    return 0 * x


# %% end
def double(x):
    return 2 * x
