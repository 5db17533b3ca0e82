CREATE EXTENSION IF NOT EXISTS citext SCHEMA shared_kernel;
CREATE TABLE events (name citext);
