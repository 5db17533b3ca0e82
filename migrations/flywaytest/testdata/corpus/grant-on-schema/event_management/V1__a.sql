GRANT USAGE ON SCHEMA event_management TO partner_analytics_service;
