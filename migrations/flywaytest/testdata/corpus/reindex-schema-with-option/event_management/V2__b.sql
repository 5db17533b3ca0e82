REINDEX (VERBOSE) SCHEMA event_management;
