"""How often a verdict named a record; what was asked before is read from the log."""

import django.db.models.deletion
from django.db import migrations, models

FROM_THE_LOG = """
INSERT INTO watermark_naming (mark_id, verification_id, asked_at)
SELECT mark.record_number, split_part(asked.subject, ':', 2)::uuid, asked.created_at
FROM (
  SELECT subject, created_at, convert_from(body, 'UTF8')::jsonb #> '{data,matched}' AS matched
  FROM audit_entry WHERE event = 'verification.queried'
) AS asked
CROSS JOIN LATERAL jsonb_array_elements_text(
  CASE jsonb_typeof(asked.matched) WHEN 'array' THEN asked.matched ELSE '[]'::jsonb END
) AS named (id)
JOIN watermark_mark AS mark ON mark.public_id = named.id::uuid
ON CONFLICT DO NOTHING
"""


class Migration(migrations.Migration):
    dependencies = [
        ("watermark", "0009_tell_webhooks"),
        ("audit", "0001_initial"),
    ]

    operations = [
        migrations.CreateModel(
            name="Naming",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("verification_id", models.UUIDField()),
                ("asked_at", models.DateTimeField()),
                (
                    "mark",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="namings",
                        to="watermark.mark",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("mark", "verification_id"), name="watermark_naming_once"
                    )
                ],
            },
        ),
        migrations.RunSQL(FROM_THE_LOG, migrations.RunSQL.noop),
    ]
