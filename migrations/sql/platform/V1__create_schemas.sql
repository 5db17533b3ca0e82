-- One schema a domain service, and one for what all of them share. The services' own migrations fill them; only the
-- role that runs the migrations may create anything in them. The bootstrap function has made them where there is one;
-- on a laptop there is none.
CREATE SCHEMA IF NOT EXISTS event_management;
CREATE SCHEMA IF NOT EXISTS speaker_coordination;
CREATE SCHEMA IF NOT EXISTS partner_analytics;
CREATE SCHEMA IF NOT EXISTS attendee_experience;
CREATE SCHEMA IF NOT EXISTS shared_kernel;

COMMENT ON SCHEMA platform IS 'history of the platform baseline, no application data';
COMMENT ON SCHEMA event_management IS 'owned by the Event Management service';
COMMENT ON SCHEMA speaker_coordination IS 'owned by the Speaker Coordination service';
COMMENT ON SCHEMA partner_analytics IS 'owned by the Partner Analytics service';
COMMENT ON SCHEMA attendee_experience IS 'owned by the Attendee Experience service';
COMMENT ON SCHEMA shared_kernel IS 'extensions and reference data that every service reads and only migrations write';
