"""Ends a cell with the points as its value, as nbgrader's partial credit does, before the test."""

# stock: no: only the test cell's own outputs count
# %%
2.0
# %% end
2.0
