"""How the checks of `dropout` call a function that draws random numbers."""


def mask_and_next_draw(function, rng, shape, rate):
    """The mask, and the number that the generator gives next.

    Two functions that took the same numbers from the generator leave it in the same place.
    """
    mask = function(rng, shape, rate)
    return mask, float(rng.random())
