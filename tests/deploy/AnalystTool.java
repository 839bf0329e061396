import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.sql.Connection;
import java.sql.DatabaseMetaData;
import java.sql.PreparedStatement;
import java.sql.ResultSet;
import java.sql.SQLException;
import java.sql.Statement;
import java.util.Properties;

/** What DBeaver and Metabase do with ClickHouse's JDBC driver. Prints words with tabs between, a line for each. */
public class AnalystTool {
    private static final PrintStream OUT = new PrintStream(System.out, true, StandardCharsets.UTF_8);

    /** Arguments: the URL, then a name and a password of each account. */
    public static void main(String[] arguments) throws SQLException {
        for (int at = 1; at < arguments.length; at += 2) {
            String name = arguments[at];
            try (Connection connection = connect(arguments[0], name, arguments[at + 1])) {
                lookAround(name, connection);
                ask(name, connection);
                stream(name, connection);
                for (String refused : new String[] {"SELECT query FROM system.processes", "DROP TABLE IF EXISTS nothing",
                        "SELECT nothing FROM events", "SELECT * FROM url('http://localhost/', 'TSV')"}) {
                    refuse(name, connection, refused);
                }
            }
        }
        try (Connection connection = connect(arguments[0], "stranger", "word")) {
            refuse("stranger", connection, "SELECT 1");
        } catch (SQLException error) {
            print("stranger", "connect", error.getErrorCode(), oneLine(error));
        }
    }

    private static Connection connect(String url, String name, String password) throws SQLException {
        Properties properties = new Properties();
        properties.setProperty("user", name);
        properties.setProperty("password", password);
        return new com.clickhouse.jdbc.Driver().connect(url, properties);
    }

    private static void lookAround(String name, Connection connection) throws SQLException {
        DatabaseMetaData about = connection.getMetaData();
        print(name, "product", about.getDatabaseProductName(), about.getDatabaseMajorVersion());
        try (ResultSet found = about.getSchemas()) {
            while (found.next()) {
                print(name, "schema", found.getString("TABLE_SCHEM"));
            }
        }
        try (ResultSet found = about.getTables(null, "questlog%", "%", new String[] {"TABLE", "VIEW"})) {
            while (found.next()) {
                print(name, "table", found.getString("TABLE_SCHEM"), found.getString("TABLE_NAME"),
                    found.getString("REMARKS"));
            }
        }
        try (ResultSet found = about.getColumns(null, "questlog", "events", "%")) {
            while (found.next()) {
                print(name, "column", found.getString("COLUMN_NAME"), found.getString("TYPE_NAME"),
                    found.getString("REMARKS"));
            }
        }
        try (ResultSet found = about.getPrimaryKeys(null, "questlog", "events")) {
            while (found.next()) {
                print(name, "key", found.getString("COLUMN_NAME"));
            }
        }
        int types = 0;
        try (ResultSet found = about.getTypeInfo()) {
            while (found.next()) {
                types++;
            }
        }
        print(name, "types", types);
    }

    private static void ask(String name, Connection connection) throws SQLException {
        String query = "SELECT uniqExact(studio_id), count() FROM events WHERE event_name = ? AND _offset < ?";
        try (PreparedStatement statement = connection.prepareStatement(query)) {
            statement.setString(1, "event_1");
            statement.setInt(2, 9);
            try (ResultSet found = statement.executeQuery()) {
                found.next();
                print(name, "parameters", found.getLong(1), found.getLong(2));
            }
        }
        try (Statement statement = connection.createStatement();
                ResultSet found = statement.executeQuery("SELECT event_name, room FROM events WHERE 0")) {
            print(name, "empty", found.getMetaData().getColumnName(2), found.next());
        }
    }

    private static void stream(String name, Connection connection) throws SQLException {
        long rows = 0;
        long sum = 0;
        String query = "SELECT _offset, properties, occurred_at FROM events WHERE studio_id = 'stu_1'";
        try (Statement statement = connection.createStatement(); ResultSet found = statement.executeQuery(query)) {
            while (found.next()) {
                rows++;
                sum += found.getLong(1) + found.getString(2).length();
            }
        }
        print(name, "stream", rows, sum);
    }

    private static void refuse(String name, Connection connection, String query) {
        try (Statement statement = connection.createStatement()) {
            statement.execute(query);
            print(name, "did", query);
        } catch (SQLException error) {
            print(name, "refused", error.getErrorCode(), oneLine(error));
        }
    }

    private static String oneLine(Throwable error) {
        StringBuilder words = new StringBuilder();
        for (Throwable one = error; one != null; one = one.getCause()) {
            words.append(one.getMessage()).append(' ');
        }
        return words.toString().replaceAll("\\s+", " ").trim();
    }

    private static void print(Object... words) {
        StringBuilder line = new StringBuilder();
        for (Object word : words) {
            line.append(line.length() == 0 ? "" : "\t").append(word);
        }
        OUT.println(line);
    }
}
