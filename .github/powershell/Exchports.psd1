@{
    RootModule           = 'Exchports.psm1'
    ModuleVersion        = '0.1.0'
    GUID                 = '6d0b1c5e-5f0e-4c5b-9d0f-2f6f3a3a7c11'
    Author               = 'The exchports authors'
    Copyright            = '(c) The exchports authors. MIT licence.'
    Description          = 'Tells whether the ports of Outlook and Microsoft Exchange can really be used, and why not, as objects.'
    PowerShellVersion    = '5.1'
    CompatiblePSEditions = @('Desktop', 'Core')
    FormatsToProcess     = @('Exchports.Format.ps1xml')
    FunctionsToExport    = @('Test-ExchangePort', 'Find-ExchangeEndpoint')
    CmdletsToExport      = @()
    VariablesToExport    = @()
    AliasesToExport      = @()
    PrivateData          = @{
        PSData = @{
            Tags = @('Exchange', 'Outlook', 'SMTP', 'IMAP', 'TLS', 'Certificate', 'Monitoring')
        }
    }
}
