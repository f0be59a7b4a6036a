"""The page of one car: its past as tables and plots, its values, and what a person may change.

`routes` answers the requests; `past` reads the history in a thread; the modules `*_view` hold all
texts, `html` the elements that they are made of, `plots` draws.
"""
