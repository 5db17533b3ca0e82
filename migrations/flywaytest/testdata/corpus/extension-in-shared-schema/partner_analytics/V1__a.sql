CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA shared_kernel;
CREATE TABLE partners (name citext);
