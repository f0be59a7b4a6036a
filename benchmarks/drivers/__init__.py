"""The bridge's side: processes that do one thing of the bridge when they are told to."""
