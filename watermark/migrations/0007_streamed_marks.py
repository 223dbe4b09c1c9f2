"""A record of which pieces have left while the rest is made: known from the first piece on, complete at its end."""

from django.db import migrations, models
from django.db.models import Q

FORWARD = """
CREATE OR REPLACE FUNCTION watermark_mark_issued_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'watermark: a record number is never removed' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.state = 'streaming' THEN
    -- What it says of its file grows with the file; whose it is stays.
    IF NEW.state = 'reserved' OR NEW.duration_ms < OLD.duration_ms OR
       (to_jsonb(NEW) - ARRAY['state', 'taken_down_at', 'entry_id', 'file_sha256', 'duration_ms', 'fingerprint',
                              'reference', 'layers', 'manifest', 'ended_by'])
    <> (to_jsonb(OLD) - ARRAY['state', 'taken_down_at', 'entry_id', 'file_sha256', 'duration_ms', 'fingerprint',
                              'reference', 'layers', 'manifest', 'ended_by']) THEN
      RAISE EXCEPTION 'watermark: of a streamed mark only its sound grows' USING ERRCODE = 'check_violation';
    END IF;
    RETURN NEW;
  END IF;
  IF OLD.state <> 'reserved' AND (
       (to_jsonb(NEW) - 'state' - 'taken_down_at') <> (to_jsonb(OLD) - 'state' - 'taken_down_at')
    OR NEW.state IN ('reserved', 'streaming') OR (OLD.state = 'taken_down' AND NEW.state <> 'taken_down')
  ) THEN
    RAISE EXCEPTION 'watermark: an issued mark stays as it was written' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION watermark_mark_keeps_manifest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  -- A stream that was ended has none: nothing of it is served any more.
  IF NEW.state = 'issued' AND NEW.manifest IS NULL AND NEW.ended_by = ''
     AND (TG_OP = 'INSERT' OR OLD.state IN ('reserved', 'streaming')) THEN
    RAISE EXCEPTION 'watermark: a file is released only with its credentials' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
"""

BACKWARD = """
CREATE OR REPLACE FUNCTION watermark_mark_issued_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'DELETE' THEN
    RAISE EXCEPTION 'watermark: a record number is never removed' USING ERRCODE = 'check_violation';
  END IF;
  IF OLD.state <> 'reserved' AND (
       (to_jsonb(NEW) - 'state' - 'taken_down_at') <> (to_jsonb(OLD) - 'state' - 'taken_down_at')
    OR NEW.state = 'reserved' OR (OLD.state = 'taken_down' AND NEW.state <> 'taken_down')
  ) THEN
    RAISE EXCEPTION 'watermark: an issued mark stays as it was written' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;

CREATE OR REPLACE FUNCTION watermark_mark_keeps_manifest() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF NEW.state <> 'reserved' AND NEW.manifest IS NULL AND (TG_OP = 'INSERT' OR OLD.state = 'reserved') THEN
    RAISE EXCEPTION 'watermark: a file is released only with its credentials' USING ERRCODE = 'check_violation';
  END IF;
  RETURN NEW;
END $$;
"""
STATES = ["reserved", "streaming", "issued", "taken_down"]


class Migration(migrations.Migration):
    dependencies = [("watermark", "0006_master_key")]
    operations = [
        migrations.AddField("mark", "ended_by", models.CharField(blank=True, default="", max_length=16)),
        migrations.AlterField(
            "mark",
            "state",
            models.CharField(
                choices=[(state, state.replace("_", " ").title()) for state in STATES],
                default="reserved",
                max_length=16,
            ),
        ),
        migrations.RemoveConstraint("mark", "watermark_mark_state_known"),
        migrations.AddConstraint(
            "mark",
            models.CheckConstraint(condition=Q(state__in=STATES), name="watermark_mark_state_known"),
        ),
        migrations.RunSQL(FORWARD, BACKWARD),
    ]
