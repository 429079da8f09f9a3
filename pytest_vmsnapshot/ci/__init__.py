"""What a CI is told: annotations beside the lines of the code, and a page for the whole run.

``annotation`` and ``markdown`` say what there is to say, ``github`` and ``azure`` write it as each
of them reads it, ``service`` knows where a run is, and ``telling`` puts it all together.
"""
