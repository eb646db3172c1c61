"""The schema's history, one file a change, applied by `tegata migrate`."""
