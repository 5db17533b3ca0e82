-- Runs in every location before its first migration, also when that fails. The schema is the first of the search path.
DO $$
DECLARE
    history regclass := format('%I.flyway_schema_history', current_schema());
    role regrole;
BEGIN
    -- Flyway has just made its history table, on which default privileges let the service write. It may read which
    -- migrations ran, and change none of it.
    FOR role IN
        SELECT DISTINCT acl.grantee
        FROM pg_class, aclexplode(relacl) AS acl
        WHERE pg_class.oid = history AND acl.grantee NOT IN (0, relowner) AND acl.privilege_type <> 'SELECT'
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', history, role);
    END LOOP;

    -- Whoever works in the schema may run its functions. Operators who read may not: a function can write.
    FOR role IN
        SELECT DISTINCT acl.grantee
        FROM pg_namespace, aclexplode(nspacl) AS acl
        WHERE nspname = current_schema() AND acl.grantee NOT IN (0, nspowner)
            AND acl.grantee <> 'batbern_readonly'::regrole
    LOOP
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT EXECUTE ON FUNCTIONS TO %s', current_schema(), role);
    END LOOP;
END
$$;
