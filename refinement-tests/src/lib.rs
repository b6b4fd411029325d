//! Evidence that running quorate nodes never leave the model.
