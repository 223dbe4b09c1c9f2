"""The scope that a speaker acknowledged, what they declared, notices of expiry; and the database's hold on them."""

from django.db import migrations, models

from accounts.consent.triggers import frozen_sql


class Migration(migrations.Migration):
    dependencies = [("accounts", "0003_voiceweights")]

    operations = [
        migrations.AddField("challenge", "scope_sha256", models.CharField(max_length=64, blank=True, default=""),
                            preserve_default=False),
        migrations.AddField("submission", "acknowledged_scope_sha256",
                            models.CharField(max_length=64, blank=True, default=""), preserve_default=False),
        migrations.AddField("submission", "attestations", models.JSONField(blank=True, default=list)),
        migrations.AddField("consent", "noticed_days", models.PositiveSmallIntegerField(blank=True, null=True)),
        *(
            migrations.RunSQL(frozen_sql(table), migrations.RunSQL.noop)
            for table in ("accounts_challenge", "accounts_submission")
        ),
    ]
