import django.db.models.deletion
from django.db import migrations, models

CHECKS = """
ALTER TABLE audit_entry ALTER COLUMN id SET GENERATED ALWAYS;
-- The hash of RFC 6962 is bound to the bytes: even a superuser past the triggers cannot store another.
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_leaf_hash
  CHECK (leaf_hash = sha256('\\x00'::bytea || body));
-- An entry must fit a C2SP entry bundle (16-bit length).
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_body_length CHECK (octet_length(body) BETWEEN 1 AND 65535);
-- The columns for search repeat the body and may not contradict it.
ALTER TABLE audit_entry ADD CONSTRAINT audit_entry_columns_match_body
  CHECK (convert_from(body, 'UTF8')::jsonb @> jsonb_build_object(
    'event', event, 'organisation', organisation_id::text, 'subject', subject,
    'time', to_char(created_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')));
ALTER TABLE audit_leaf ADD CONSTRAINT audit_leaf_shape CHECK (index >= 0 AND octet_length(leaf_hash) = 32);
ALTER TABLE audit_tile ADD CONSTRAINT audit_tile_shape
  CHECK (level BETWEEN 0 AND 7 AND number >= 0 AND octet_length(hashes) = 8192 AND octet_length(root) = 32);
ALTER TABLE audit_checkpoint ADD CONSTRAINT audit_checkpoint_shape
  CHECK (size > 0 AND octet_length(root) = 32 AND octet_length(range_hashes) %% 32 = 0
         AND octet_length(range_hashes) > 0);
"""

DENY = """
CREATE FUNCTION audit_deny() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION 'the audit log is append-only: %% on %% refused', TG_OP, TG_TABLE_NAME
    USING ERRCODE = 'insufficient_privilege';
END $$;
REVOKE ALL ON FUNCTION audit_deny() FROM PUBLIC;
DO $do$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['audit_entry', 'audit_leaf', 'audit_tile', 'audit_checkpoint', 'audit_publication'] LOOP
    EXECUTE format('CREATE TRIGGER audit_deny_change BEFORE UPDATE OR DELETE ON %%I
                    FOR EACH ROW EXECUTE FUNCTION audit_deny()', t);
    EXECUTE format('CREATE TRIGGER audit_deny_truncate BEFORE TRUNCATE ON %%I
                    FOR EACH STATEMENT EXECUTE FUNCTION audit_deny()', t);
    -- ALWAYS: session_replication_role = replica does not silence them.
    EXECUTE format('ALTER TABLE %%I ENABLE ALWAYS TRIGGER audit_deny_change', t);
    EXECUTE format('ALTER TABLE %%I ENABLE ALWAYS TRIGGER audit_deny_truncate', t);
  END LOOP;
END $do$;
"""

# SECURITY DEFINER: whoever may insert an entry queues it, though the queue itself is closed to them.
# A pinned search_path, pg_temp last, so that no temporary table can stand in for the queue.
ENQUEUE = """
DO $do$
BEGIN
  EXECUTE format($sql$
    CREATE FUNCTION audit_enqueue() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    SET search_path = %%I, pg_temp AS $body$
    BEGIN
      INSERT INTO audit_pending (entry_id) VALUES (NEW.id);
      RETURN NULL;
    END $body$
  $sql$, current_schema());
END $do$;
REVOKE ALL ON FUNCTION audit_enqueue() FROM PUBLIC;
CREATE TRIGGER audit_enqueue AFTER INSERT ON audit_entry FOR EACH ROW EXECUTE FUNCTION audit_enqueue();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER audit_enqueue;
"""


def run(sql):
    # With an (empty) parameter list the driver reads %% as %, so the text above is written for that.
    return migrations.RunSQL([(sql, [])], reverse_sql=migrations.RunSQL.noop)


def set_rights(apps, schema_editor):
    from audit import rights

    rights.apply(schema_editor.connection)


class Migration(migrations.Migration):
    initial = True
    dependencies = []

    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                ("id", models.BigAutoField(primary_key=True, serialize=False)),
                ("event", models.TextField()),
                ("organisation_id", models.UUIDField(null=True)),
                ("subject", models.TextField(null=True)),
                ("body", models.BinaryField()),
                ("leaf_hash", models.BinaryField()),
                ("idempotency_key", models.TextField(null=True, unique=True)),
                ("created_at", models.DateTimeField()),
            ],
            options={
                "db_table": "audit_entry",
                "indexes": [
                    models.Index(fields=["organisation_id", "id"], name="audit_entry_organisation"),
                    models.Index(fields=["subject", "id"], name="audit_entry_subject"),
                    models.Index(fields=["event", "id"], name="audit_entry_event"),
                ],
            },
        ),
        migrations.CreateModel(
            name="Pending",
            fields=[
                ("entry", models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name="+", serialize=False, to="audit.entry")),
            ],
            options={"db_table": "audit_pending"},
        ),
        migrations.CreateModel(
            name="Leaf",
            fields=[
                ("index", models.BigIntegerField(primary_key=True, serialize=False)),
                ("leaf_hash", models.BinaryField()),
                ("entry", models.OneToOneField(on_delete=django.db.models.deletion.DO_NOTHING, related_name="leaf", to="audit.entry")),
            ],
            options={"db_table": "audit_leaf"},
        ),
        migrations.CreateModel(
            name="Tile",
            fields=[
                ("pk", models.CompositePrimaryKey("level", "number", blank=True, editable=False, primary_key=True, serialize=False)),
                ("level", models.SmallIntegerField()),
                ("number", models.BigIntegerField()),
                ("hashes", models.BinaryField()),
                ("root", models.BinaryField()),
            ],
            options={"db_table": "audit_tile"},
        ),
        migrations.CreateModel(
            name="Checkpoint",
            fields=[
                ("size", models.BigIntegerField(primary_key=True, serialize=False)),
                ("root", models.BinaryField()),
                ("range_hashes", models.BinaryField()),
                ("note", models.TextField()),
                ("created_at", models.DateTimeField()),
            ],
            options={"db_table": "audit_checkpoint"},
        ),
        migrations.CreateModel(
            name="Publication",
            fields=[
                ("checkpoint", models.OneToOneField(db_column="size", on_delete=django.db.models.deletion.DO_NOTHING, primary_key=True, related_name="publication", serialize=False, to="audit.checkpoint")),
                ("created_at", models.DateTimeField()),
            ],
            options={"db_table": "audit_publication"},
        ),
        run(CHECKS),
        run(DENY),
        run(ENQUEUE),
        migrations.RunPython(set_rights, migrations.RunPython.noop),
    ]
