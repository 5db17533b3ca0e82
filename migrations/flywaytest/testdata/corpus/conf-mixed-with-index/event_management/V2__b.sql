SET lock_timeout = '5s';
DROP INDEX CONCURRENTLY IF EXISTS events_title;
CREATE INDEX CONCURRENTLY events_title ON events (title);
RESET lock_timeout;
