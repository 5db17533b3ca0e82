VACUUM events;
ANALYZE events;
