//! Root directories of containers: loaders and libraries.
