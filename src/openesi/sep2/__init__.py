"""IEEE 2030.5 as data and small rules: model, resources, lists, events, identifiers. No I/O."""
