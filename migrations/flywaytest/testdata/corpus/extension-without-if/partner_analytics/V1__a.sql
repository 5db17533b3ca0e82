CREATE EXTENSION citext SCHEMA shared_kernel;
