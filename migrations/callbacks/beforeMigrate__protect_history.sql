-- Flyway has just made its history table in the schema it works on, where default privileges let the service write.
-- A service may read which migrations ran, and change none of it. Runs before the first migration, also when that fails.
DO $$
DECLARE
    history regclass := format('%I.flyway_schema_history', current_schema());
    granted record;
BEGIN
    FOR granted IN
        SELECT DISTINCT acl.grantee::regrole AS role
        FROM pg_class, aclexplode(relacl) AS acl
        WHERE pg_class.oid = history AND acl.grantee NOT IN (0, relowner) AND acl.privilege_type <> 'SELECT'
    LOOP
        EXECUTE format('REVOKE INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER ON %s FROM %s', history, granted.role);
    END LOOP;
END
$$;
