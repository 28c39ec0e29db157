"""Changes a harmless display later into HTML that acts, by its id."""

# stock: works
# never: onerror
from IPython.display import HTML, display

handle = display(HTML("<b>fine</b>"), display_id="a")
# %% end
handle.update(HTML("<img src=x onerror=alert(1)>"))
get_ipython().display_pub.publish(
    {"text/html": "<img onerror=alert(1)>"}, transient={"display_id": "a"}, update=True
)
