"""The first admin, who exists before anyone can create one over HTTP."""
