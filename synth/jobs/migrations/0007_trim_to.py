"""Where the words are in a short line that stands in room tone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("jobs", "0006_spoken")]
    operations = [
        migrations.AddField("synthesisjob", "trim_to", models.JSONField(blank=True, null=True)),
    ]
