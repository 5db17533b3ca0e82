CREATE EXTENSION IF NOT EXISTS citext;
CREATE TABLE partners (name citext);
