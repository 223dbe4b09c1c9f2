"""A mark is reserved, issued once, perhaps taken down; what it says of its file never changes."""

from django.db import migrations

FORWARD = """
CREATE FUNCTION watermark_mark_issued_once() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER watermark_mark_issued_once BEFORE UPDATE OR DELETE ON watermark_mark
  FOR EACH ROW EXECUTE FUNCTION watermark_mark_issued_once();
"""

BACKWARD = """
DROP TRIGGER watermark_mark_issued_once ON watermark_mark;
DROP FUNCTION watermark_mark_issued_once();
"""


class Migration(migrations.Migration):
    dependencies = [("watermark", "0001_initial")]
    operations = [migrations.RunSQL(FORWARD, BACKWARD)]
