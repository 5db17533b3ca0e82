CREATE TABLE authors AS SELECT '${flyway:user}' AS author;
