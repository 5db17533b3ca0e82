import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.net.URLEncoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Map;

import org.flywaydb.core.Flyway;
import org.flywaydb.core.api.FlywayException;
import org.flywaydb.core.internal.util.JsonUtils;

/**
 * The part of Flyway's command line that migrate.sh uses, over Flyway's own API: "-key=value ... command", and settings
 * from FLYWAY_ variables. Maven Central has no command line of this version; everything else is Flyway.
 *
 * <p>"serve" reads such argument lists from standard input, one a line and separated by tabs, and answers each with one
 * line: "ok", or "error" and the message in URL encoding. Starting Java a hundred times would take minutes.
 */
public final class FlywayCommand {
    public static void main(String[] arguments) throws IOException {
        if (arguments.length == 1 && arguments[0].equals("serve")) {
            serve();
            return;
        }
        try {
            run(arguments);
        } catch (FlywayException e) {
            System.err.println("ERROR: " + e.getMessage());
            System.exit(1);
        }
    }

    private static void serve() throws IOException {
        BufferedReader lines = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String line = lines.readLine(); line != null; line = lines.readLine()) {
            String answer = "ok";
            try {
                run(line.split("\t"));
            } catch (RuntimeException e) {
                answer = "error " + URLEncoder.encode(String.valueOf(e.getMessage()), StandardCharsets.UTF_8);
            }
            System.out.println(answer);
        }
    }

    private static void run(String[] arguments) {
        Map<String, String> settings = new HashMap<>();
        String command = "";
        boolean json = false;
        for (String argument : arguments) {
            if (argument.equals("-outputType=json")) {
                json = true;
            } else if (argument.startsWith("-")) {
                String[] pair = argument.substring(1).split("=", 2);
                settings.put("flyway." + pair[0], pair[1]);
            } else {
                command = argument;
            }
        }
        Flyway flyway = Flyway.configure().envVars().configuration(settings).load();
        switch (command) {
            case "migrate" -> flyway.migrate();
            case "validate" -> flyway.validate();
            case "repair" -> flyway.repair();
            case "info" -> info(flyway, json);
            default -> throw new FlywayException("unknown command " + command);
        }
    }

    private static void info(Flyway flyway, boolean json) {
        if (json) {
            System.out.println(JsonUtils.toJson(flyway.info().getInfoResult()));
            return;
        }
        for (var migration : flyway.info().all()) {
            System.out.println(migration.getScript() + " " + migration.getState());
        }
    }
}
