REINDEX SCHEMA event_management;
