"""The pages of the diagnostic codes, by subject; `madeus.diagnostics.codes` joins them."""
