-- What a service may do follows from the schema an object is made in, so that a service's migration needs no GRANT and
-- cannot forget one. Every object belongs to the owner that runs this, and these are the owner's default privileges.

-- PostgreSQL lets everybody run a new function; a SECURITY DEFINER function would then be open to every role.
ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

-- A service works on its own data, and reads the shared kernel, which migrations alone write. A service that an
-- environment does not have yet gets the same from the bootstrap function, which keeps to this model when the
-- configuration changes; a test holds the two together.
DO $$
DECLARE
    schema text;
    service text;
BEGIN
    FOREACH schema IN ARRAY ARRAY['event_management', 'speaker_coordination', 'partner_analytics', 'attendee_experience']
    LOOP
        service := schema || '_service';
        CONTINUE WHEN to_regrole(service) IS NULL;
        EXECUTE format('GRANT USAGE ON SCHEMA %I, shared_kernel TO %I', schema, service);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I
            GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO %I', schema, service);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT USAGE, SELECT ON SEQUENCES TO %I', schema, service);
        EXECUTE format('ALTER DEFAULT PRIVILEGES IN SCHEMA shared_kernel GRANT SELECT ON TABLES TO %I', service);
    END LOOP;
END
$$;

-- People who look into the data do so with a role that cannot change it.
GRANT USAGE ON SCHEMA
    event_management, speaker_coordination, partner_analytics, attendee_experience, shared_kernel, platform
    TO batbern_readonly;
ALTER DEFAULT PRIVILEGES
    IN SCHEMA event_management, speaker_coordination, partner_analytics, attendee_experience, shared_kernel, platform
    GRANT SELECT ON TABLES TO batbern_readonly;
ALTER DEFAULT PRIVILEGES
    IN SCHEMA event_management, speaker_coordination, partner_analytics, attendee_experience, shared_kernel, platform
    GRANT SELECT ON SEQUENCES TO batbern_readonly;
GRANT SELECT ON platform.flyway_schema_history TO batbern_readonly;
