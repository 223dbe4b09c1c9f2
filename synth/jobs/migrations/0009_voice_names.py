"""Further names by which an organisation's programs may ask for its voices."""

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

import synth.common.ids


class Migration(migrations.Migration):
    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
        ("accounts", "0006_owner_without_account"),
        ("jobs", "0008_pieces"),
    ]
    operations = [
        migrations.CreateModel(
            "VoiceName",
            [
                ("id", models.UUIDField(default=synth.common.ids.new_id, editable=False, primary_key=True, serialize=False)),
                ("name", models.CharField(max_length=64)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("organisation", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="voice_names", to="accounts.organisation")),
                ("set_by", models.ForeignKey(on_delete=django.db.models.deletion.PROTECT, related_name="+", to=settings.AUTH_USER_MODEL)),
                ("voice", models.ForeignKey(on_delete=django.db.models.deletion.CASCADE, related_name="further_names", to="accounts.voice")),
            ],
        ),
        migrations.AddConstraint(
            "voicename", models.UniqueConstraint(fields=["organisation", "name"], name="jobs_voicename_once")
        ),
    ]
