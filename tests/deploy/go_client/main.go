// What Grafana does with clickhouse-go: it connects over HTTP with compressed blocks, lists, asks, streams.
// Prints words with tabs between, a line for each answer.
package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/ClickHouse/clickhouse-go/v2"
)

// Arguments: host:port, then a name and a password of each account.
func main() {
	for at := 2; at+1 < len(os.Args); at += 2 {
		for _, method := range []clickhouse.CompressionMethod{clickhouse.CompressionLZ4, clickhouse.CompressionNone} {
			if err := use(os.Args[1], os.Args[at], os.Args[at+1], method); err != nil {
				fmt.Println(os.Args[at], "\tfailed\t", err)
				os.Exit(1)
			}
		}
	}
}

func use(address, name, password string, method clickhouse.CompressionMethod) error {
	connection, err := clickhouse.Open(&clickhouse.Options{
		Protocol:    clickhouse.HTTP,
		Addr:        []string{address},
		Auth:        clickhouse.Auth{Database: "questlog", Username: name, Password: password},
		Compression: &clickhouse.Compression{Method: method},
		Settings:    clickhouse.Settings{"max_execution_time": 20},
	})
	if err != nil {
		return err
	}
	defer connection.Close()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if err := connection.Ping(ctx); err != nil {
		return err
	}
	rows, err := connection.Query(ctx, "SELECT t.database, t.name, t.comment FROM system.tables t WHERE database LIKE ?", "questlog%")
	if err != nil {
		return err
	}
	for rows.Next() {
		var database, table, comment string
		if err := rows.Scan(&database, &table, &comment); err != nil {
			return err
		}
		say(name, "table", database, table, comment)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	rows, err = connection.Query(ctx, "DESC TABLE \"questlog\".\"events\"")
	if err != nil {
		return err
	}
	for rows.Next() {
		var column, kind, defaultKind, defaultTo, comment, codec, ttl string
		if err := rows.Scan(&column, &kind, &defaultKind, &defaultTo, &comment, &codec, &ttl); err != nil {
			return err
		}
		say(name, "column", column, kind, comment)
	}
	if err := rows.Err(); err != nil {
		return err
	}
	var studios, count uint64
	bound := clickhouse.Context(ctx, clickhouse.WithParameters(clickhouse.Parameters{"name": "event_1", "end": "9"}))
	asked := "SELECT uniqExact(studio_id), count() FROM events WHERE event_name = {name:String} AND _offset < {end:UInt64}"
	if err := connection.QueryRow(bound, asked).Scan(&studios, &count); err != nil {
		return err
	}
	say(name, "parameters", studios, count)
	rows, err = connection.Query(ctx, "SELECT _offset, properties, occurred_at FROM events WHERE studio_id = 'stu_1'")
	if err != nil {
		return err
	}
	var number, sum uint64
	for rows.Next() {
		var offset uint64
		var properties string
		var at time.Time
		if err := rows.Scan(&offset, &properties, &at); err != nil {
			return err
		}
		number++
		sum += offset + uint64(len(properties))
	}
	if err := rows.Err(); err != nil {
		return err
	}
	say(name, "stream", number, sum)
	for _, refused := range []string{"SELECT query FROM system.processes", "SELECT nothing FROM events"} {
		rows, err := connection.Query(ctx, refused)
		if err == nil {
			rows.Next()
			err = rows.Err()
		}
		say(name, "refused", err)
	}
	return nil
}

func say(words ...any) {
	texts := make([]string, 0, len(words))
	for _, word := range words {
		texts = append(texts, strings.Join(strings.Fields(fmt.Sprint(word)), " "))
	}
	fmt.Println(strings.Join(texts, "\t"))
}
