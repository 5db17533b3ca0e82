-- Trusted extensions: the owner of the schemas may create them without being a superuser. They live in shared_kernel,
-- which every service's search_path includes. No IF NOT EXISTS: an extension that somebody put elsewhere must be seen.
CREATE EXTENSION "uuid-ossp" SCHEMA shared_kernel;
CREATE EXTENSION pg_trgm SCHEMA shared_kernel;
