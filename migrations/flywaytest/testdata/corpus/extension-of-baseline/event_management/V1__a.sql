CREATE EXTENSION IF NOT EXISTS "uuid-ossp";
CREATE TABLE events (id uuid DEFAULT uuid_generate_v4());
