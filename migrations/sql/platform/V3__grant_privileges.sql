-- What a service may do follows from the schema an object is made in, so that a service's migration needs no GRANT and
-- cannot forget one. Every object belongs to batbern_owner, whose default privileges these are. The bootstrap function
-- keeps to the same model when the configuration gets another login; a test holds the two together.

-- PostgreSQL lets everybody run a new function; a SECURITY DEFINER function would then be open to every role.
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC;

GRANT USAGE ON SCHEMA event_management TO event_management_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA event_management
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO event_management_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA event_management
    GRANT USAGE, SELECT ON SEQUENCES TO event_management_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA event_management
    GRANT EXECUTE ON FUNCTIONS TO event_management_service;

GRANT USAGE ON SCHEMA speaker_coordination TO speaker_coordination_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA speaker_coordination
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO speaker_coordination_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA speaker_coordination
    GRANT USAGE, SELECT ON SEQUENCES TO speaker_coordination_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA speaker_coordination
    GRANT EXECUTE ON FUNCTIONS TO speaker_coordination_service;

GRANT USAGE ON SCHEMA partner_analytics TO partner_analytics_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA partner_analytics
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO partner_analytics_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA partner_analytics
    GRANT USAGE, SELECT ON SEQUENCES TO partner_analytics_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA partner_analytics
    GRANT EXECUTE ON FUNCTIONS TO partner_analytics_service;

GRANT USAGE ON SCHEMA attendee_experience TO attendee_experience_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA attendee_experience
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLES TO attendee_experience_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA attendee_experience
    GRANT USAGE, SELECT ON SEQUENCES TO attendee_experience_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA attendee_experience
    GRANT EXECUTE ON FUNCTIONS TO attendee_experience_service;

-- The shared kernel is read by every service and written by migrations only.
GRANT USAGE ON SCHEMA shared_kernel TO
    event_management_service, speaker_coordination_service, partner_analytics_service, attendee_experience_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA shared_kernel
    GRANT SELECT ON TABLES TO
    event_management_service, speaker_coordination_service, partner_analytics_service, attendee_experience_service;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner IN SCHEMA shared_kernel
    GRANT EXECUTE ON FUNCTIONS TO
    event_management_service, speaker_coordination_service, partner_analytics_service, attendee_experience_service;

-- People who look into the data do so with a role that cannot change it.
GRANT USAGE ON SCHEMA
    event_management, speaker_coordination, partner_analytics, attendee_experience, shared_kernel, platform
    TO batbern_readonly;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner
    IN SCHEMA event_management, speaker_coordination, partner_analytics, attendee_experience, shared_kernel, platform
    GRANT SELECT ON TABLES TO batbern_readonly;
ALTER DEFAULT PRIVILEGES FOR ROLE batbern_owner
    IN SCHEMA event_management, speaker_coordination, partner_analytics, attendee_experience, shared_kernel, platform
    GRANT SELECT ON SEQUENCES TO batbern_readonly;
GRANT SELECT ON platform.flyway_schema_history TO batbern_readonly;
