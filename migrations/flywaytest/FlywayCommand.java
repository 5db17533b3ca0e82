import java.util.HashMap;
import java.util.Map;

import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;

/**
 * The part of Flyway's command line that migrate.sh uses, over Flyway's own API: "-key=value ... command", and settings
 * from FLYWAY_ variables. Maven Central has no command line of this version; everything else is Flyway.
 */
public final class FlywayCommand {
    public static void main(String[] arguments) {
        Map<String, String> settings = new HashMap<>();
        String command = "";
        for (String argument : arguments) {
            if (argument.startsWith("-")) {
                String[] pair = argument.substring(1).split("=", 2);
                settings.put("flyway." + pair[0], pair[1]);
            } else {
                command = argument;
            }
        }
        try {
            run(Flyway.configure().envVars().configuration(settings).load(), command);
        } catch (FlywayException e) {
            System.err.println("ERROR: " + e.getMessage());
            System.exit(1);
        }
    }

    private static void run(Flyway flyway, String command) {
        switch (command) {
            case "migrate" -> flyway.migrate();
            case "validate" -> flyway.validate();
            case "repair" -> flyway.repair();
            case "info" -> {
                for (var migration : flyway.info().all()) {
                    System.out.println(migration.getScript() + " " + migration.getState());
                }
            }
            default -> throw new FlywayException("unknown command " + command);
        }
    }
}
